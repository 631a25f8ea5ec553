"""Which URLs may be called, as they are written."""

import pytest

from shared.infrastructure.url_rules import CallbackUrlForbidden, UrlRules, rules_from


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/hook?a=b",
        "HTTPS://EXAMPLE.COM/Hook",
        "https://example.com./hook",
        "https://münchen.de/grüße",
        "https://xn--mnchen-3ya.de/",
        "https://8.8.8.8/hook",
        "https://[2606:4700:4700::1111]/hook",
        "https://a_b.example.co.id/#fragment@nowhere",
    ],
)
def test_public_https_urls_are_allowed(url: str) -> None:
    assert UrlRules().check(url).scheme == "https"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/", "must start with https"),
        ("http://example.com/", "must start with https"),
        ("file:///etc/passwd", "names no host"),
        ("javascript:alert(1)", "names no host"),
        ("//example.com/", "must start with https"),
        ("example.com/hook", "names no host"),
        ("", "names no host"),
        ("https://", "names no host"),
        ("https:///hook", "names no host"),
        ("https://user:pass@example.com/", "user name"),
        ("https://user@example.com/", "user name"),
        ("https://example.com:22/", "port"),
        ("https://example.com:80/", "port"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "no URL"),
        ("https://example.com:443:80/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://example.com/" + "a" * 2_029, "longer"),
        ("https://exa mple.com/", "spaces"),
        ("https://example.com/\nHost: x", "spaces"),
        ("https://ex\tample.com/", "spaces"),
        ("https://example.com\\@10.0.0.1/", "backslashes"),
        ("https://ex\u200bample.com/", "no URL"),
        ("https://%31%30.0.0.1/", "not a public name"),
        ("https://intranet/", "not a public name"),
        ("https://exa..mple.com/", "not a public name"),
        ("https://" + "a" * 64 + ".com/", "not a public name"),
        ("https://" + "a." * 130 + "com/", "not a public name"),
    ],
)
def test_other_urls_are_forbidden_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(CallbackUrlForbidden, match=reason) as refused:
        UrlRules().check(url)

    assert refused.value.code == "callback_url_forbidden"
    assert refused.value.pointer == "/callback_url"


def test_a_url_of_exactly_the_longest_length_is_allowed() -> None:
    url = "https://example.com/" + "a" * 2_028

    assert str(UrlRules().check(url)) == url


def test_http_is_allowed_where_settings_say_so() -> None:
    rules = rules_from("", allow_http=True)

    assert rules.check("http://example.com/").port == 80
    assert rules.check("https://example.com/").port == 443
    with pytest.raises(CallbackUrlForbidden, match="http or https"):
        rules.check("ftp://example.com/")


def test_trusted_names_and_networks_may_be_private_and_on_any_port() -> None:
    rules = rules_from(" N8N.lan, 10.1.0.0/16 ,::1, 192.168.7.7, ", allow_http=True)

    for url in (
        "http://n8n.lan:5678/hook",
        "http://10.1.2.3:9000/",
        "http://[::1]:9000/",
        "https://192.168.7.7/",
    ):
        assert rules.check(url)
    for url in ("http://other.lan:5678/", "http://10.2.0.1/", "http://192.168.7.8/"):
        with pytest.raises(CallbackUrlForbidden):
            rules.check(url)


def test_http_may_be_for_trusted_hosts_only() -> None:
    rules = rules_from("10.1.0.0/16, n8n.lan", allow_trusted_http=True)

    for url in ("http://n8n.lan:5678/hook", "http://10.1.2.3:9000/", "https://example.com/"):
        assert rules.check(url)
    for url in ("http://example.com/", "http://10.2.0.1/"):
        with pytest.raises(CallbackUrlForbidden, match="it must start with https://"):
            rules.check(url)


def test_a_name_may_lead_into_a_trusted_network_and_a_trusted_name_anywhere() -> None:
    rules = rules_from("10.1.0.0/16, n8n.lan", allow_http=False)

    assert rules.permits("hook.example.com", "10.1.2.3")
    assert rules.permits("n8n.lan", "192.168.0.9")
    assert not rules.permits("hook.example.com", "192.168.0.9")


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "http://n8n.lan", "n8n.lan:5678", "*", "a b"])
def test_trusting_what_is_no_name_and_no_network_ends_the_process(
    entry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        rules_from(f"example.com,{entry}", allow_http=False, setting="WAHA_ALLOWED_HOSTS")

    assert ended.value.code == 78
    assert "WAHA_ALLOWED_HOSTS" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nothing is bound here
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "not an address",
    ],
)
def test_addresses_that_are_not_public_are_not_permitted(address: str) -> None:
    assert not UrlRules().permits("hook.example.com", address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert UrlRules().permits("hook.example.com", address)
