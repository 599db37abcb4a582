"""Print a script with which a shell completes rapo's commands and options.

bash: rapo completion bash > ~/.local/share/bash-completion/completions/rapo
zsh:  rapo completion zsh > "${fpath[1]}/_rapo"
both, for one session or in the shell's own file: source <(rapo completion zsh)
tcsh: rapo completion tcsh >> ~/.cshrc
"""

import argparse
import importlib

SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to complete")


def run(args: argparse.Namespace) -> int:
    """Print the script; it is static, so that completing starts no Python."""
    import shtab

    script = shtab.complete(whole_parser(), shell=args.shell)
    print(
        script.replace("$zsh_eval_context[-1] == eval", "$zsh_eval_context[-1] == (eval|file)")
    )  # file: by source
    return 0


def whole_parser() -> argparse.ArgumentParser:
    """Every command in one parser; words without an option's values are files."""
    import shtab

    from rapo.cli.main import commands

    parser = argparse.ArgumentParser(prog="rapo", description="Preference data for aligning language models.")
    parser.add_argument("--version", action="store_true", help="show the version")
    parser.add_argument("--traceback", action="store_true", help="on an error, show where it arose")
    chosen = parser.add_subparsers(dest="command")
    for name, told in commands().items():
        one = chosen.add_parser(name, help=told)
        importlib.import_module(f"rapo.cli.{name}").add_arguments(one)
        for action in one._actions:
            if action.choices is None and action.nargs != 0:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return parser
