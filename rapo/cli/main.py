"""The command line: `rapo COMMAND ...`. A command's module is imported only when it is chosen."""

import argparse
import difflib
import importlib
import logging
import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rapo import __version__
from rapo.cli import launcher

# What a person wants to do -> name of a command, which is its module's name in rapo.cli -> one line of help.
GROUPS: dict[str, dict[str, str]] = {
    "reproduce the papers": {
        "reproduce": "run the notebooks, then make figures, tables and the report",
        "replicate": "measure anew with other seeds throughout, and tell what came out otherwise",
        "figures": "redraw figures, tables and the report from the kept results, without training",
        "keep": "keep the measured results of a run under data/results",
        "report": "write the report page from the claims and figures that are there",
        "runs": "list the runs on disk, or tell what has changed since one was made",
        "world": "export a data set of the micro world",
    },
    "prepare preference data": {
        "check": "check scored pairs and tell what is wrong, where, and what to do",
        "audit": "what is wrong with preference data, how sure that is, and what to do",
        "pairs": "make scored pairs from candidates with scores",
        "relabel": "make reward-augmented pairs: each pair under both of its scores as goals",
        "score": "add a model's log-probabilities of both responses",
        "select": "keep the best pairs by alignment potential or another metric",
        "export": "write pairs as TRL, LLaMA-Factory, ms-swift or NeMo RL read them",
    },
    "train models": {
        "train": "train a model as a recipe says: SFT, DPO and its losses, SimPO, KTO, ORPO",
    },
    "compare models and judges": {
        "sample": "a model's answers to prompts, asked for a goal or plainly",
        "judge": "let a language model judge pairs in both orders, or score answers from 1 to 10",
        "winrate": "win rates from judgements, plain and length-controlled",
        "leaderboard": "Bradley-Terry scores with intervals, and style held equal",
        "agreement": "how far two judges agree, overall and by margin",
    },
    "make typing easier": {
        "completion": "print a script with which a shell completes commands and options",
    },
}
# Faults of the input or of the surroundings: told in one line. Anything else is a fault of the program.
USER_ERRORS = (ValueError, OSError, LookupError, RuntimeError, ImportError, MemoryError)


def commands() -> dict[str, str]:
    """Name -> help of every command."""
    return {name: told for group in GROUPS.values() for name, told in group.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2 for a user's error, 1 for a fault of the program."""
    words = list(sys.argv[1:] if argv is None else argv)
    at = next((index for index, word in enumerate(words) if not word.startswith("-")), len(words))
    parser = _parser()
    options = parser.parse_args(words[:at])
    if at == len(words):
        parser.print_help(sys.stderr)
        return 2
    name, rest = words[at], words[at + 1 :]
    if name not in commands():
        close = difflib.get_close_matches(name, list(commands()), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        parser.error(f"no command {name!r}{hint}; `rapo --help` lists them")
    return _guarded(name, rest, traces=options.traceback or "--traceback" in rest)


def _guarded(name: str, rest: Sequence[str], *, traces: bool) -> int:
    """Run a command; turn what goes wrong into one line on stderr and an exit status."""
    try:
        with _plain_warnings(), _terminable():
            status = _run(name, rest)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has seen enough; nothing may be flushed into the pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt as stop:
        number = stop.args[0] if stop.args else signal.SIGINT
        print(f"rapo: {'interrupted' if number == signal.SIGINT else 'terminated'}", file=sys.stderr)
        return 128 + number
    except Exception as error:
        if traces:
            traceback.print_exc()
        expected = isinstance(error, USER_ERRORS)
        hint = "" if expected or traces else f" (a fault in rapo; `rapo --traceback {name} ...` shows where)"
        print(f"rapo: error: {describe(error)}{hint}", file=sys.stderr)
        return 2 if expected else 1


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a request to end, or a closed terminal, clean up as Ctrl-C does; a second one does not disturb that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in (number for number in numbers if before[number] == signal.SIG_DFL):  # nohup stays what it is
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(name: str, rest: Sequence[str]) -> int:
    module = importlib.import_module(f"rapo.cli.{name}")
    parser = argparse.ArgumentParser(
        prog=f"rapo {name}",
        description=(module.__doc__ or "").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    parser.add_argument("--traceback", action="store_true", help="on an error, show where it arose")
    launcher.add_launcher(parser)
    args = parser.parse_args(rest)
    args.command = name
    job = launcher.chosen(args, rest)
    return job.run() if job else int(module.run(args) or 0)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings and log messages as one line on stderr, without a place in the source."""
    logging.basicConfig(format="rapo: %(levelname)s: %(message)s")
    logging.getLogger("rapo.pairs.door").setLevel(logging.INFO)  # how data were understood
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"rapo: warning: {message}", file=sys.stderr)
        yield


def describe(error: Exception) -> str:
    """An exception as one sentence for people; the type is named where the text alone would not be understood.

    >>> describe(FileNotFoundError(2, "No such file or directory", "pairs.jsonl"))
    'pairs.jsonl: No such file or directory'
    >>> describe(KeyError("model"))
    "KeyError: 'model'"
    >>> describe(ValueError("say --overwrite (in Python overwrite=True)"))
    'say --overwrite'
    """
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("rapo"):
        return f"the package {error.name} is not installed; pip install 'rapo[{_extra(error.name)}]'"
    text = re.sub(r" \(in Python [^)]*\)", "", str(error))  # a remedy that cannot be typed here
    plain = isinstance(error, (ValueError, OSError, RuntimeError, ImportError)) and text
    return text if plain else f"{type(error).__name__}: {text}" if text else type(error).__name__


def _extra(package: str) -> str:
    """The optional extra of rapo that brings a package."""
    if package.split(".")[0] in ("papermill", "nbformat", "nbconvert", "ipykernel", "nbclient", "jupyterlab"):
        return "notebooks"
    return "judges" if package.split(".")[0] == "openai" else "train"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rapo",
        usage="rapo [--traceback] COMMAND ...",
        description="Preference data for aligning language models: relabel, measure, select, train, compare.",
        epilog=_listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rapo {__version__}")
    parser.add_argument("--traceback", action="store_true", help="on an error, show where it arose")
    return parser


def _listing() -> str:
    """The commands, by what they are for."""
    blocks = [
        "\n".join([f"{title}:", *(f"  {name:<11} {told}" for name, told in group.items())])
        for title, group in GROUPS.items()
    ]
    return "\n\n".join([*blocks, "`rapo COMMAND --help` tells a command's options."])


if __name__ == "__main__":
    sys.exit(main())
