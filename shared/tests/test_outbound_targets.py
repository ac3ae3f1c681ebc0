"""Which URLs and addresses may be called."""

from ipaddress import ip_network

import pytest

from shared.outbound.targets import InvalidUrl, Rules, checked, is_public, rules

AWS = Rules()
LAPTOP = Rules(hosts=frozenset({"localhost"}), networks=(ip_network("127.0.0.0/8"),))


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", "/"),
        ("https://hooks.example.com/a/b?c=d&e", "hooks.example.com", "/a/b?c=d&e"),
        ("https://HOOKS.Example.com:443/x", "hooks.example.com", "/x"),
        ("https://hooks.example.com./x", "hooks.example.com", "/x"),
        ("https://bücher.example/straße?q=ü", "xn--bcher-kva.example", "/stra%C3%9Fe?q=%C3%BC"),
        ("https://xn--bcher-kva.example/%20", "xn--bcher-kva.example", "/%20"),
        ("https://1.2.3.4.example.com/", "1.2.3.4.example.com", "/"),
    ],
)
def test_what_may_be_called(url: str, host: str, path: str) -> None:
    target = checked(url, AWS)
    assert (target.scheme, target.host, target.port, target.path) == ("https", host, 443, path)
    assert target.authority == host
    assert checked(target.url, AWS) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "//hooks.example.com/",
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "https:///path",
        "https://user@hooks.example.com/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://hooks.example.com#@127.0.0.1/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com/ HTTP/1.1",
        "https://hooks.example.com/\r\nHost: internal",
        "https://hooks.example.com/\x00",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com:80/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:port/",
        "https://localhost/",
        "https://intranet/",
        "https://-hooks.example.com/",
        "https://hooks..example.com/",
        "https://hooks.example.com../",
        "https://hooks%2eexample.com/",
        "https://ho_oks.example.com/",
        f"https://{'a' * 64}.example.com/",
        f"https://{'a.' * 127}example.com/",
        f"https://hooks.example.com/{'a' * 2048}",
        # Addresses, in every spelling that some parser takes for one.
        "https://127.0.0.1/",
        "https://8.8.8.8/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.0x1/",
        "https://127.0.0.1./",
        "https://１２７.0.0.1/",  # noqa: RUF001
        "https://127。0。0。1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[2001:4860:4860::8888]/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
def test_what_may_not(url: str) -> None:
    with pytest.raises(InvalidUrl) as refused:
        checked(url, AWS)
    assert [one.pointer for one in refused.value.errors] == ["/url"]


def test_a_stage_may_name_other_ports() -> None:
    allowed = Rules(ports=frozenset({443, 8443}))
    assert checked("https://hooks.example.com:8443/", allowed).authority == "hooks.example.com:8443"
    with pytest.raises(InvalidUrl):
        checked("https://hooks.example.com:8444/", allowed)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://127.0.0.1:4711/hook", "127.0.0.1:4711"),
        ("http://localhost:4711/hook", "localhost:4711"),
        ("http://localhost/hook", "localhost"),
        ("https://127.0.0.5/hook", "127.0.0.5"),
    ],
)
def test_a_laptop_calls_itself(url: str, authority: str) -> None:
    assert checked(url, LAPTOP).authority == authority
    for other in ("http://hooks.example.com/", "https://10.0.0.1/", "http://[::1]/"):
        with pytest.raises(InvalidUrl):
            checked(other, LAPTOP)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",  # carrier-grade NAT
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",  # metadata of AWS and others
        "169.254.170.2",  # credentials of containers
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::127.0.0.1",  # NAT64
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",  # Teredo
        "2001:db8::1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "2002:808:808::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",  # metadata of AWS
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "localhost",
        "",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address, AWS)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "192.0.1.1", "2001:4860:4860::8888", "2a00:1450::1"]
)
def test_addresses_that_are(address: str) -> None:
    assert is_public(address, AWS)


def test_networks_are_let_through_by_name_alone() -> None:
    assert is_public("127.0.0.1", LAPTOP)
    assert not is_public("10.0.0.1", LAPTOP)
    assert not is_public("::1", LAPTOP)


def test_the_rules_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rules() == AWS
    monkeypatch.setenv("HASTE_WEBHOOK_ALLOW", "127.0.0.0/8, Localhost")
    monkeypatch.setenv("HASTE_WEBHOOK_PORTS", "443,8443")
    expected = Rules(LAPTOP.hosts, LAPTOP.networks, frozenset({443, 8443}))
    assert rules() == expected
