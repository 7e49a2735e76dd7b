"""What wrk reports, and what counts as a failure."""

import socket
import threading

import pytest

from bench.loads import counting, parse_report, served
from bench.programs import BenchError

REPORT = (b"Running 2s test\nBENCH requests=5000 duration_us=2000000 bytes=9 connect=1 read=2 write=3 status=4 timeout=5 "
          b"p50_us=900 p99_us=1800\n")


def test_a_report() -> None:
    load = parse_report(REPORT)
    assert (load.requests, load.rate, load.failures, load.p99_us) == (5000, 2500.0, 15, 1800)


def test_no_report_shows_what_wrk_said() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse_report(b"unable to connect to 127.0.0.1\n")


def test_the_servers_count() -> None:
    page = b"Active connections: 2 \nserver accepts handled requests\n 11 12 345 \nReading: 0 Writing: 1 Waiting: 1 \n"
    assert served(page) == 345


def test_the_servers_are_asked_on_one_connection_that_is_there_before_others() -> None:
    page = b"Active connections: 2 \nserver accepts handled requests\n 1 1 %d \nReading: 0 Writing: 1 Waiting: 1 \n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        with counting(listener.getsockname()[1]) as requests_served:
            connection, _ = listener.accept()           # before anything is asked

            def serve() -> None:
                for number in (345, 678):
                    asked = b""
                    while b"\r\n\r\n" not in asked:
                        asked += connection.recv(4096)
                    body = page % number
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

            thread = threading.Thread(target=serve)
            thread.start()
            assert (requests_served(), requests_served()) == (345, 678)
            with pytest.raises(BenchError, match="do not tell"):
                requests_served()
            thread.join()
            connection.close()


def test_servers_that_are_not_there_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(BenchError, match="do not tell"), counting(port):
        pass
