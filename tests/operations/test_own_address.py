"""What an address service may answer, and what it may not."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from operations.own_address import AddressUnknown, own_address


@pytest.fixture
def service() -> Iterator[ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if ANSWER[0] else 503)
            self.end_headers()
            self.wfile.write(ANSWER[0].encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


ANSWER = [""]


def asked(service: ThreadingHTTPServer, answer: str) -> str:
    ANSWER[0] = answer
    return own_address({"OWN_ADDRESS_URL": f"http://127.0.0.1:{service.server_address[1]}/"})


@pytest.mark.parametrize(
    "answer",
    [
        "198.51.100.7\n",
        '{"ip":"198.51.100.7"}',
        "fl=1f2\nh=1.1.1.1\nip=198.51.100.7\nts=1.2\nvisit_scheme=https\nuag=curl/8.1.2.3\n",
    ],
)
def test_the_common_services_are_understood(service: ThreadingHTTPServer, answer: str) -> None:
    assert asked(service, answer) == "198.51.100.7"


@pytest.mark.parametrize("answer", ["", "<html>4 visitors</html>", "ip=2001:db8::1\n", "999.1.1.1"])
def test_any_other_answer_names_the_variable(service: ThreadingHTTPServer, answer: str) -> None:
    with pytest.raises(AddressUnknown, match="set OWN_ADDRESS_URL to a service"):
        asked(service, answer)
