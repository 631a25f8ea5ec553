"""What tests of pay pages have in common: buttons, words, and a narrow phone."""

from tests.chromium import Tab

NARROW = 360


async def press(tab: Tab, value: str) -> None:
    """The button that means it; the next page has come."""
    await tab.run("document.body.dataset.old = 'yes'")
    await tab.click(f"button[value={value}]")
    await tab.sees("document.readyState === 'complete' && !document.body?.dataset.old")


async def shows(tab: Tab, *words: str) -> None:
    for word in words:
        await tab.sees(f"document.body?.innerText.includes({word!r})")


async def fits(tab: Tab) -> None:
    """Nothing sticks out at the sides, and every button is large enough for a thumb."""
    assert await tab.run("document.documentElement.scrollWidth") == NARROW
    small = (
        "[...document.querySelectorAll('button, .button')].filter(e => {"
        f" const b = e.getBoundingClientRect(); return b.height < 44 || b.right > {NARROW};"
        "}).map(e => e.outerHTML)"
    )
    assert await tab.run(small) == []
