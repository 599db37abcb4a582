"""The script that a shell reads, run by a real bash, zsh and tcsh."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rapo.cli import completion, main


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_shell_has_a_script_that_names_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for name in main.commands())


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_commands_options_choices_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main.main(["completion", "bash"])
    script = tmp_path / "rapo.bash"
    script.write_text(capsys.readouterr().out)
    (tmp_path / "pairs.jsonl").touch()

    def completed(*words: str) -> set[str]:
        typed = " ".join(f"'{word}'" for word in words)
        line = f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _shtab_rapo"
        line += "; echo ${COMPREPLY[@]}"
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    assert completed("rapo", "rel") == {"relabel"}
    assert completed("rapo", "relabel", "--rev") == {"--revision", "--reversed-pairs"}
    assert completed("rapo", "relabel", "--ties", "d") == {"drop"}
    assert "pairs.jsonl" in completed("rapo", "check", "pa")


# A terminal of its own, into which a person types and presses the tabulator key.
TERMINAL = "import pty, sys; pty.spawn(sys.argv[1:])"
STARTS = {
    "zsh": 'fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -D; rapo() { print -r "RAN<$*>" }',
    "zsh, by source": (
        'autoload -U compinit; compinit -u -D; source <(cat functions/_rapo); rapo() { print -r "RAN<$*>" }'
    ),
    "tcsh": 'set edit; source functions/_rapo; alias rapo \'echo "RAN<"\\!*">"\'',
}


@pytest.mark.parametrize("way", STARTS)
def test_other_shells_complete_commands_options_choices_and_files(
    way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = way.partition(",")[0]
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    main.main(["completion", shell])
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "_rapo").write_text(capsys.readouterr().out)
    (tmp_path / "pairs.jsonl").touch()
    typed = ["rapo rela\t", "rapo relabel --tie\t", "rapo completion tc\t", "rapo check pa\t", "exit"]
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL, shell, "-f", "-i"],
        input="\n".join([STARTS[way], *typed, ""]),
        cwd=tmp_path,
        env={**os.environ, "TERM": "vt100", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    ran = re.findall(r"^RAN<(.*)>", done.stdout, re.MULTILINE)
    assert ran == ["relabel", "relabel --ties", "completion tcsh", "check pairs.jsonl"], done.stdout
