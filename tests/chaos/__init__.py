"""Breaking real processes and real servers on purpose, and counting what was lost: nothing.

How a chaos test is written
---------------------------
    async def test_a_job_outlives_its_worker(servers, tmp_path) -> None:
        async with running(servers, tmp_path, Plan(engines=2)) as stack:
            await stack.client.submit("k1", prompt="[[delay:1]]", config_name=SIMULATED)
            stack.engines[0].kill()
            report = await stack.settled(within=20)
        assert report.is_clean, report

- `servers` (session) are our own PostgreSQL and RabbitMQ; each test gets its own database, vhost,
  Redis and product processes. Nothing that runs on the machine already is touched.
- `Plan` says what runs, with which settings, and which mechanisms are `off` or `faults` on.
- Prompts carry directives for the simulated model: `[[delay:2]]`, `[[hang]]`, `[[trickle:1]]`,
  `[[status:500]]`, `[[fail-first:2]]`, … (`simulators.directives`). The first word is the key.
- Wait with `tests.waiting.until`, never by sleeping; assert on sets, not on times, except for
  bounds that are themselves promises.
- A failure shows the ledger's report, the seed and the last lines of every process.

The tools
---------
process.py      Program, Process: start, kill (-9), freeze, thaw, terminate, stop, destroy, ends
servers.py      PostgreSQL, Redis, Broker; Servers: `ready()`, `broker()`, the loops they live on
stack.py        Plan, Stack, `running(...)`: servers behind proxies, simulators, the product;
                `proxies["postgresql" | "rabbitmq" | "redis" | "model" | ...]`, `restart(process)`,
                `metric(process, name)`, `says(process, server)`, `sql(...)`, `asked()`, `calls()`,
                `settled(within=...)`, `story()`
faketime.py     processes whose clock is wrong (`Plan(only={"engine0": environment("+2h x3")})`)
havoc.py        kills everybody, in an order that a seed decides
supervisor.py   starts again what was killed (`running` does it unless told `supervise=False`)
verdict.py      broken (the last step of every test), forgotten (what twins wait for)
client.py       submit (until a 202 is heard, always with the same Idempotency-Key), submit_once,
                storm, look, view, cancel, everything, all_ended, watching
hostile.py      requests that nobody means, as a seed decides
ledger.py       attempted, acknowledged, recovered, lost, doubled, unexpected, regressions,
                overasked
proxy.py        up, down, cut, add(toxic, "up" | "down"), blackhole(toxic), heal
toxics.py       Latency, Bandwidth, Slicer, Timeout, ResetPeer, LimitData, Flaky
receiver.py     where callbacks go: `script("path", 500, 500, 200)`, HANG, RESET, Redirect
crashpoints.py  `crash_points()` from the source, `arm(stack, point)`, `struck(process, point)`
sabotage.py     the mechanisms and how to switch them off; `sabotaged.py` runs a module that way
sabotage_of_sales.py  the same, of those that keep stock and money right; and faster clocks
buying.py       Buyer: fills a cart, checks out, agrees; what they were told, and how often
bank.py         Bank: a shop's account with Midtrans or Xendit, its pay pages, its weather
sales.py        a shop that sells, with books: settled, run_out, broken

A sabotage twin runs the same scenario with `Plan(off=["fencing"])`, expects it to go red, and
checks with `stack.struck` that the switch was met.
"""
