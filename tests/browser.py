"""A headless browser for tests of pages: Chromium, spoken to through its own pipe; no port, no waiting, no driver."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def found() -> str | None:
    """The first browser on the path that can be spoken to; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """One page of a browser: it goes to files, runs scripts, and tells what went wrong in them."""

    def __init__(self, write: BinaryIO, read: BinaryIO) -> None:
        self.write, self.read = write, read
        self.asked, self.session, self.problems = 0, "", list[str]()
        self.rest = b""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def go(self, page: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Show a page as a screen of that size has it, light or dark; what it complains of joins ``problems``."""
        phone = width < 700
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self.problems.clear()
        self._ask("Page.navigate", url="about:blank")
        self._ask("Page.navigate", url=page.as_uri())
        self._wait("Page.loadEventFired", of=page.as_uri())

    def run(self, script: str) -> Any:
        """What a script comes to; promises are waited for.

        Raises:
            AssertionError: the script fails.
        """
        told = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def shot(self) -> bytes:
        """What the screen shows, as PNG."""
        import base64

        return base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])

    def _ask(self, method: str, **parameters: Any) -> Any:
        self.asked += 1
        asked = {"id": self.asked, "method": method, "params": parameters}
        self.write.write(
            json.dumps(asked | ({"sessionId": self.session} if self.session else {})).encode() + b"\0"
        )
        self.write.flush()
        while (told := self._next()).get("id") != self.asked:
            pass
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    def _wait(self, event: str, *, of: str) -> None:
        """Until the event of the page at that address; that of the blank page before it is another."""
        while self._next().get("method") != event or not self.run("location.href").startswith(of):
            pass

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            more = os.read(self.read.fileno(), 1 << 16)
            assert more, "the browser is gone"
            self.rest += more
        one, _, self.rest = self.rest.partition(b"\0")
        told: dict[str, Any] = json.loads(one)
        self._note(told.get("method", ""), told.get("params", {}))
        return told

    def _note(self, event: str, told: Mapping[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description") or details["text"])
        if event == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.problems.append(" ".join(str(one.get("value")) for one in told["args"]))
        if event == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.problems.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")


@contextmanager
def tab(program: str, home: Path) -> Iterator[Tab]:
    """A browser with one page; ``home`` takes its profile. Nothing of it is left when the block ends."""
    (its_in, ours_out), (ours_in, its_out) = os.pipe(), os.pipe()
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
    line = f'exec "$@" 3</dev/fd/{its_in} 4>/dev/fd/{its_out}'
    process = subprocess.Popen(
        ["sh", "-c", line, "sh", program, *flags, f"--user-data-dir={home}", "--hide-scrollbars"],
        pass_fds=(its_in, its_out),
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(home)},
    )
    os.close(its_in)
    os.close(its_out)
    with os.fdopen(ours_in, "rb") as read:
        try:
            with os.fdopen(ours_out, "wb") as write:
                yield Tab(write, read)
        finally:
            process.wait()
