"""The addresses, as text."""

from components.host.address import first_address


def test_the_server_has_the_first_address_of_its_ipv6_network() -> None:
    assert first_address("2001:db8:1234:5678::/64") == "2001:db8:1234:5678::1"
