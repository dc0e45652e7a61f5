"""Child processes: their address, their lines, what is said when they fail, and that none outlives us."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dsc_demo.processes import ChildProcess, ProcessFailedError, ServiceProcess

READY = "print('warming up'); print('listening on 127.0.0.1:4711')"
SLEEP = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def python(*lines: str) -> list[str]:
    return [sys.executable, "-c", "\n".join(lines)]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_service_is_ready_when_it_says_so_and_ends_with_its_block() -> None:
    with ServiceProcess("echo", python(READY, SLEEP)) as service:
        assert service.address == "127.0.0.1:4711"
        assert service.returncode is None
    assert service.returncode == -signal.SIGTERM
    assert gone(service.pid)


def test_the_command_itself_is_the_child() -> None:
    with ChildProcess("pid", python("import os; print(os.getpid(), os.getpgid(0))")) as child:
        assert list(child.lines(60)) == [f"{child.pid} {child.pid}"]
        child.check(60)


def test_service_ends_on_an_exception() -> None:
    service = ServiceProcess("echo", python(READY, SLEEP))
    with pytest.raises(KeyboardInterrupt), service:
        raise KeyboardInterrupt
    assert gone(service.pid)


def test_a_stubborn_service_is_killed() -> None:
    with ServiceProcess("mule", python(STUBBORN, READY, SLEEP), grace_s=0.05) as service:
        pass
    assert service.returncode == -signal.SIGKILL


def test_a_graceful_service_gives_its_own_exit_code() -> None:
    leave = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
    service = ServiceProcess("polite", python(leave, READY, SLEEP)).start()
    assert service.stop() == 7
    assert service.stop() == 7


def test_early_end_shows_the_last_line_of_stderr() -> None:
    sick = "import sys; print('loading', file=sys.stderr); sys.exit('error: port 80 is in use\\n')"
    with pytest.raises(ProcessFailedError, match=r"^server ended .*\(exit code 1\): port 80 is in use$"):
        ServiceProcess("server", python(sick)).start()


def test_a_service_that_never_listens_is_named_and_ended() -> None:
    service = ServiceProcess("dreamer", python("print('soon')", SLEEP), ready_s=0.05)
    with pytest.raises(ProcessFailedError, match=r"^dreamer was not ready within 0\.05 s$"):
        service.start()
    assert gone(service.pid)


def test_a_command_that_does_not_exist() -> None:
    with pytest.raises(ProcessFailedError, match=r"cannot start /no/such/program: No such file"):
        ServiceProcess("ghost", ["/no/such/program"]).start()


def test_check_tells_what_failed() -> None:
    with ChildProcess("job", python("import sys; sys.exit('error: no disk')")) as job:
        assert list(job.lines()) == []
        with pytest.raises(ProcessFailedError, match=r"^job failed \(exit code 1\): no disk$"):
            job.check()


def test_silence_has_a_limit() -> None:
    with (
        ChildProcess("mute", python(SLEEP)) as child,
        pytest.raises(ProcessFailedError, match=r"^mute printed nothing for 0\.01 s$"),
    ):
        next(child.lines(0.01))


def test_much_output_on_both_streams_does_not_block() -> None:
    chatter = "import sys\nfor k in range(20000): print(k); print(k, file=sys.stderr)"
    with ChildProcess("chatter", python(chatter)) as child:
        child.check(60)
        assert list(child.lines(60)) == [str(k) for k in range(20000)]
        assert child.stderr_lines[-1] == "19999"


def test_misuse_is_an_error() -> None:
    child = ChildProcess("idle", python(SLEEP))
    with pytest.raises(RuntimeError, match="idle has not been started"):
        _ = child.pid
    with child, pytest.raises(RuntimeError, match="idle was started before"):
        child.start()


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells a child of its parent's death"
)
def test_children_die_even_if_the_parent_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    # The child holds the pipe open; the pipe's end is the child's end.
    hold = f"pipe = open({str(tmp_path / 'alive')!r}, 'w'); pipe.write('up\\n'); pipe.flush()"
    parent = textwrap.dedent(f"""
        import signal
        from dsc_demo.processes import ChildProcess
        with ChildProcess("orphan", {python(hold, STUBBORN, SLEEP)!r}):
            signal.pause()
        """)
    with subprocess.Popen([sys.executable, "-c", parent]) as running, (tmp_path / "alive").open() as pipe:
        assert pipe.readline() == "up\n"
        running.kill()
        assert pipe.read() == ""
