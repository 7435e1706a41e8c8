"""--resume: a run that was killed at any moment ends with the weights of one that never was."""

import hashlib
import json
import random
import re
import shutil
import time
from pathlib import Path

import pytest

from device.errors import UserError
from tests import once, processes
from tests.conftest import Run, places, runs_in
from tests.device.refusals import says
from tests.train import saved
from tests.train.saved import curves
from tests.trained import Trained
from tests.warm import TENSORFLOW, Forked
from train.recipes.recipe import Recipe
from train.recipes.settings import recorded, replaced
from train.run import evaluation, runs

pytestmark = pytest.mark.tensorflow

# Dropout, augmentation, an averaged model, a schedule: everything whose state could be lost.
SETTINGS = (
    *(
        "image_size=16x16",
        "network=tiny",
        "grayscale=false",
        "epochs=12",
        "batch_size=16",
        "learning_rate=0.01",
        "dropout=0.3",
    ),
    *("rotation_range=20", "zoom_range=0.2", "brightness_range=0.8,1.2", "mixup=0.5", "ema_momentum=0.9"),
    "flip_average=true",
)
WORDS = tuple(word for setting in SETTINGS for word in ("--set", setting))


def words(trained: Trained, run: Path, *more: object) -> list[object]:
    return ["train", "fashion_mnist", "--data", trained.data, "--run", run, *WORDS, *more]


def weights(run: Path) -> tuple[bytes, bytes]:
    """Of the best model and of the last checkpoint, optimizer state included."""
    latest = json.loads((run / "checkpoint/latest.json").read_bytes())
    return saved.weights(run / "model.keras"), saved.weights(run / "checkpoint" / latest["file"])


@pytest.fixture(scope="session")
def whole(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody interrupted."""

    def make(folder: Path) -> None:
        done = runs_in(folder, TENSORFLOW)(*words(trained, folder / "run"), **places(trained.cache.parent))
        assert done.returncode == 0, done.stderr

    return once.made(tmp_path_factory, "whole", make) / "run"


def first_line_of_an_epoch(process: Forked) -> None:
    """Waits for it; there is none where the one before was killed after its last epoch."""
    for line in process.stderr:
        if line.startswith("epoch "):
            return


def status(run: Path) -> str:
    return str(json.loads((run / "run.json").read_bytes())["status"])


def test_killed_at_random_moments_it_ends_with_the_same_weights(
    warm: Run, trained: Trained, whole: Path, tmp_path: Path
) -> None:
    run, chance = tmp_path / "run", random.Random()
    seed = chance.randrange(10**6)
    chance.seed(seed)
    kills = []
    for _ in range(2):
        with processes.started(
            *words(trained, run, "--resume"), cwd=tmp_path, by=TENSORFLOW, FRAMELITE_CACHE=str(trained.cache)
        ) as process:
            if chance.random() < 0.75:  # else it dies before the first epoch, perhaps before its run.json
                first_line_of_an_epoch(process)
            time.sleep(chance.uniform(0, 0.5))
            kills.append(process.poll())
            process.kill()
            process.wait()
    done = warm(*words(trained, run, "--resume"), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 0, (seed, done.stderr)
    assert json.loads((run / "run.json").read_bytes())["status"] == "done"
    assert weights(run) == weights(whole), seed
    assert curves(run) == curves(whole), seed
    assert None in kills, (seed, "at least one was killed while it ran")
    evaluations = [json.loads((folder / "evaluation.json").read_bytes()) for folder in (run, whole)]
    assert evaluations[0] == evaluations[1], seed
    assert [path.suffix for path in (run / "checkpoint").iterdir() if path.name != "latest.json"] == [".keras"]


def test_what_a_kill_left_half_written_goes(warm: Run, trained: Trained, whole: Path, tmp_path: Path) -> None:
    """Killed while it says that the last epoch is done, and after it, before the one before is removed."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    record = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps({**record, "status": "running"}))
    for name in (".run.0a1b2c3d.json", ".model.0a1b2c3d.keras", "checkpoint/.latest.0a1b2c3d.json"):
        (run / name).write_text("half")
    (run / "checkpoint/epoch_0011.keras").write_text("the epoch before")
    done = warm(*words(trained, run, "--resume"), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 0, done.stderr
    assert {path.relative_to(run) for path in run.rglob("*")} == {path.relative_to(whole) for path in whole.rglob("*")}
    assert weights(run) == weights(whole)


def test_control_c_leaves_an_interrupted_run_and_resume_ends_it(
    warm: Run, trained: Trained, whole: Path, tmp_path: Path
) -> None:
    run, cache = tmp_path / "run", {"FRAMELITE_CACHE": str(trained.cache)}
    with processes.started(*words(trained, run), cwd=tmp_path, by=TENSORFLOW, **cache) as process:
        processes.wait_for_line("epoch 3/12:", process)
        assert status(run) == "running"
        code, stderr = processes.interrupt(process)
    assert (code, stderr.splitlines()[-1], status(run)) == (130, "interrupted", "interrupted")
    assert "Traceback" not in stderr
    assert {path.name for path in run.iterdir()} <= {"run.json", "history.json", "model.keras", "checkpoint"}
    assert saved.weights(run / "model.keras")
    refused = warm("export", run, **cache)
    assert refused.returncode == 2
    says(refused.stderr, f"error: {run}: ", "'interrupted'")
    done = warm(*words(trained, run, "--resume"), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 0, done.stderr
    assert re.match(rf"{re.escape(str(run))}: .* epoch \d", done.stderr.splitlines()[0])
    assert not any(line.startswith("epoch 1/") for line in done.stderr.splitlines())
    # With mixup what Keras calls accuracy is none, and isn't called so; that of the validation images is one.
    assert re.search(r"^epoch 12/12: .*, agreement with the targets [\d.]+ %, validation accuracy ", done.stderr, re.M)
    history = json.loads((run / "history.json").read_bytes())
    assert len(history["agreement"]) == len(history["val_accuracy"]) == 12 and "accuracy" not in history
    assert weights(run) == weights(whole)


def test_a_finished_run_has_nothing_to_resume(warm: Run, trained: Trained, whole: Path) -> None:
    done = warm(*words(trained, whole, "--resume"), FRAMELITE_CACHE=str(trained.cache))
    assert (done.returncode, done.stdout) == (0, "")
    assert "up to date" in done.stderr


def test_run_json_may_be_lost(warm: Run, trained: Trained, whole: Path, tmp_path: Path) -> None:
    """A power failure leaves it empty, after the last epoch: what is missing is made, averaged weights and all."""
    run = shutil.copytree(whole, tmp_path / "run")
    (run / "run.json").write_bytes(b"")
    (run / "evaluation.json").unlink()
    other = warm(*words(trained, run, "--resume", "--set", "epochs=13"), FRAMELITE_CACHE=str(trained.cache))
    assert other.returncode == 2
    assert "(epochs: 12, now 13)" in other.stderr, "a checkpoint says itself of which run it is"
    done = warm(*words(trained, run, "--resume"), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 0, done.stderr
    assert json.loads((run / "run.json").read_bytes())["status"] == "done"
    evaluations = [json.loads((folder / "evaluation.json").read_bytes()) for folder in (run, whole)]
    assert evaluations[0] == evaluations[1]


@pytest.mark.parametrize("status", ["interrupted", "running", ""])
def test_an_interrupted_run_is_not_begun_anew_by_accident(
    warm: Run, trained: Trained, whole: Path, tmp_path: Path, status: str
) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    document = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps({**document, "status": status}) if status else "")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = warm(*words(trained, run), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    says(line, f"error: {run}: ", "epoch 12", "--resume", "--again")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras' own, as it saves
@pytest.mark.parametrize("status", ["done", "interrupted", ""])
def test_from_python_nothing_is_lost_either(
    trained: Trained, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """Whether a run is up to date, was interrupted or is another's is asked by the function that trains."""
    from train.fitting import fit

    monkeypatch.setenv("FRAMELITE_CACHE", str(trained.cache))
    run = runs.Run(shutil.copytree(whole, tmp_path / "run"))
    document = json.loads(run.record.read_bytes())
    run.record.write_text(json.dumps({**document, "status": status}) if status else "")
    before = {path.relative_to(run.path): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    cache = trained.images
    recipe = recorded(Recipe, document["recipe"])
    if status == "done":
        assert fit.train(recipe, cache, run) == evaluation.read(evaluation.Evaluation, run.path)
    else:
        with pytest.raises(UserError, match=r"epoch 12.*--resume"):
            fit.train(recipe, cache, run)
    with pytest.raises(UserError, match="epochs: 12, now 2"):
        fit.train(replaced(recipe, epochs=2), cache, run, fit.Start(resume=True))
    assert {path.relative_to(run.path): path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    fit.train(replaced(recipe, epochs=2), cache, run)
    kept = tmp_path / "run.1"
    assert {path.relative_to(kept): path.read_bytes() for path in kept.rglob("*") if path.is_file()} == before
    assert run.is_done and json.loads(run.record.read_bytes())["recipe"]["epochs"] == 2


def test_from_its_own_weights(eager: Run, trained: Trained, whole: Path, tmp_path: Path) -> None:
    """The folder's own model is where the next run in it begins: it is found where it was moved."""
    run = shutil.copytree(whole, tmp_path / "run")
    done = eager(*words(trained, run, "--from", run, "--set", "epochs=1"), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 0, done.stderr
    source = json.loads((run / "run.json").read_bytes())["from"]
    assert source["path"] == str(tmp_path / "run.1/model.keras")
    assert hashlib.sha256(Path(source["path"]).read_bytes()).hexdigest().startswith(source["sha256"])


def test_a_model_that_is_gone_is_missed_before_the_last_epoch(
    warm: Run, trained: Trained, whole: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    (run / "model.keras").unlink()
    done = warm(*words(trained, run, "--resume"), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    says(line, f"error: {run / 'model.keras'}: ", "epoch ", "--again")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (["--set", "learning_rate=0.02"], "learning_rate: 0.01, now 0.02"),
        (["--set", "epochs=13"], "epochs: 12, now 13"),
        (["--data", "{other}"], "data fingerprint: "),
        (["--from", "{whole}"], "starting weights: none, now "),
    ],
)
def test_another_recipe_or_data_is_refused(
    warm: Run, trained: Trained, whole: Path, tmp_path: Path, change: list[str], expected: str
) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    other = shutil.copytree(trained.data, tmp_path / "other")
    next((other / "train/circle").glob("*.png")).unlink()
    before = (run / "run.json").read_bytes()
    changes = [word.format(other=other, whole=whole) for word in change]
    done = warm(*words(trained, run, "--resume", *changes))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    says(line, f"error: {run}: ", expected)
    assert (run / "run.json").read_bytes() == before


def test_a_checkpoint_of_another_draw_is_refused(warm: Run, trained: Trained, whole: Path, tmp_path: Path) -> None:
    """It would go on with images that it was validated on; one from before doesn't say how it drew."""
    run = shutil.copytree(whole, tmp_path / "run")
    (run / "run.json").write_bytes(b"")
    latest = json.loads((run / "checkpoint/latest.json").read_bytes())
    del latest["run"]["draw"]
    (run / "checkpoint/latest.json").write_text(json.dumps(latest))
    done = warm(*words(trained, run, "--resume"), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    says(line, "draw 1", "now 2")


@pytest.mark.parametrize("damage", ["file", "record"])
def test_a_damaged_checkpoint_is_refused(warm: Run, trained: Trained, whole: Path, tmp_path: Path, damage: str) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    document = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps({**document, "status": "running"}))
    (model,) = (run / "checkpoint").glob("*.keras")
    target = model if damage == "file" else run / "checkpoint/latest.json"
    target.write_bytes(target.read_bytes()[:100])
    done = warm(*words(trained, run, "--resume"), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    says(line, f"error: {target}: ", "--again")


def test_resume_and_again_together_make_no_sense(warm: Run) -> None:
    done = warm("train", "fashion_mnist", "--resume", "--again")
    assert done.returncode == 2
    says(done.stderr, "error: ", "--resume", "--again")
