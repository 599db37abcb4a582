"""The script that a shell reads, run by a real bash."""

import shutil
import subprocess
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
