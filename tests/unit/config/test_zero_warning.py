"""zero-warning and -dW: fatal is what HAProxy would warn of, not what only pyproxy does not act on yet."""

import pytest

from proxy.base.errors import ConfigError
from proxy.config.load import load
from proxy.config.load_options import LoadOptions

TIMEOUTS = "defaults\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
BASE = TIMEOUTS + "listen l\n bind 127.0.0.1:1\n server s 127.0.0.1:2\n"


def test_what_pyproxy_does_not_act_on_yet_passes_but_is_told():
    configuration = load(text="global\n tune.maxaccept 10\n" + BASE, options=LoadOptions(zero_warning=True))
    assert any("not acted on" in item.message for item in configuration.diagnostics)


def test_what_haproxy_warns_of_is_fatal():
    with pytest.raises(ConfigError, match="zero-warning"):
        load(text=BASE.replace(" timeout client 1s\n", ""), options=LoadOptions(zero_warning=True))


def test_what_haproxy_takes_without_a_word_passes_but_is_told(tmp_path):
    text = BASE.replace("server s", "stats realm Two words\n stats enable\n mode http\n server s").replace("\n", "\r\n")
    (tmp_path / "dos.cfg").write_bytes(text.encode())
    configuration = load([str(tmp_path / "dos.cfg")], options=LoadOptions(zero_warning=True))
    assert {"lines end in CR LF.", "'stats realm' takes 1 argument; 'words' ignored"} == {
        item.message for item in configuration.diagnostics
    }


def test_the_runtime_socket_passes():
    text = 'global\n stats socket "fd@${cli}" level admin\n' + BASE
    configuration = load(text=text, environment={"cli": "7"}, options=LoadOptions(zero_warning=True))
    assert configuration.diagnostics == ()
