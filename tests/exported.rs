//! What is exported gives the same logits elsewhere: the code of `docs/pytorch.md` and `docs/onnx.md` is run as it stands
//! there.
//!
//! Skipped without a Python that has torch, or onnxruntime: `$FIXMATCH_PYTHON`, else the one that `make bench-setup` makes.

#![cfg_attr(feature = "train", expect(clippy::disallowed_macros, reason = "for whoever runs it with --nocapture"))]
#![cfg(feature = "train")]

#[path = "worker/support.rs"]
#[expect(dead_code, reason = "this test needs few of the helpers")]
mod support;

#[path = "../benches/python.rs"]
mod python;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use fixmatch::config::RunConfig;
use fixmatch::run::dir::RunDir;
use serde_json::Value;

use self::support::{Place, SIDE};

/// What the page leaves to its reader: which images, and which models with which weights.
const DRIVER: &str = r"
import glob, json, sys
import numpy
from PIL import Image

images, models, files = sys.argv[1], sys.argv[2::2], sys.argv[3::2]
pngs = sorted(glob.glob(images + '/*/*.png'))
images = normalized(torch.from_numpy(numpy.stack([numpy.array(Image.open(png)) for png in pngs])))
with torch.no_grad():
    print(json.dumps([load(eval(model), file)(images).tolist() for model, file in zip(models, files)]))
";

const TOLERANCE: f64 = 1e-4;

/// After the program of the page: all that its model said.
const LOGITS: &str = r"
print(json.dumps([logits.tolist(), probabilities.sum(1).tolist()]))
";

/// The Python blocks of a page, one after the other.
fn code_of(page: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let page = fs::read_to_string(page).expect("the page");
    let blocks = page.split("```python\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("a part")).collect::<Vec<_>>().concat()
}

#[track_caller]
fn output_of(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("starts");
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8")
}

fn numbers(rows: &Value) -> Vec<f64> {
    let rows = rows.as_array().expect("rows").iter().flat_map(|row| row.as_array().expect("a row"));
    rows.map(|x| x.as_f64().expect("a number")).collect()
}

/// The worker's logits of all test images.
fn logits(dir: &RunDir, flags: &[&str]) -> Vec<f64> {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_fixmatch-worker"));
    let text = output_of(worker.arg("logits").arg(dir.path()).args(["--images", "1000"]).args(flags));
    numbers(&serde_json::from_str::<Value>(&text).expect("JSON")["logits"])
}

#[test]
fn exported_weights_give_the_same_logits_in_pytorch() {
    let Some(python) = python::with(&["numpy", "PIL", "safetensors", "torch"]) else {
        println!("skipped: no Python with torch, safetensors, numpy and Pillow; `make bench-setup` makes one");
        return;
    };
    let place = Place::new();
    let script = place.data().join("page.py");
    fs::write(&script, code_of("pytorch.md") + DRIVER).expect("written");
    let mut theirs = Command::new(python);
    theirs.arg(&script).arg(place.data().join("test"));
    let mut cases = Vec::new();
    let cnn = format!("Cnn(side={SIDE}, classes=3)");
    let models = [&*cnn, "Wrn(classes=3, depth=10, width=1)", "Wrn(classes=3, depth=13, width=1)"];
    for (config, model) in networks(&place).into_iter().zip(models) {
        let dir = place.finished(&config);
        for (export_flags, flags, file) in NETWORKS {
            let weights = dir.path().join(file);
            export(&dir, "--weights", &weights, export_flags);
            theirs.arg(model).arg(&weights);
            cases.push((format!("{model}, {file}"), logits(&dir, flags)));
        }
    }
    let theirs: Vec<Value> = serde_json::from_str(&output_of(&mut theirs)).expect("JSON");
    for ((case, ours), theirs) in cases.iter().zip(&theirs) {
        assert_near(case, ours, &numbers(theirs));
    }
}

#[test]
fn exported_models_give_the_same_logits_in_onnxruntime() {
    let Some(python) = python::with(&["numpy", "PIL", "onnxruntime"]) else {
        println!("skipped: no Python with onnxruntime, numpy and Pillow; `make bench-setup` makes one");
        return;
    };
    let place = Place::new();
    let mut images: Vec<_> = Vec::new();
    for class in fs::read_dir(place.data().join("test")).expect("classes") {
        let of_class = fs::read_dir(class.expect("a class").path()).expect("images");
        images.extend(of_class.map(|image| image.expect("an image").path()));
    }
    images.sort();
    for config in networks(&place) {
        let dir = place.finished(&config);
        for (export_flags, flags, file) in NETWORKS {
            let model = dir.path().join(file).with_extension("onnx");
            export(&dir, "--onnx", &model, export_flags);
            let script = dir.path().join("page.py");
            let code = code_of("onnx.md").replace("model.onnx", model.to_str().expect("UTF-8"));
            fs::write(&script, code + LOGITS).expect("written");
            let said = output_of(Command::new(&python).arg(&script).args(&images));
            let lines: Vec<&str> = said.lines().collect();
            assert_eq!(lines.len(), images.len() + 1, "{said}");
            assert!(lines[0].contains("0.png ") && lines[0].ends_with('%'), "{said}");
            let said: Value = serde_json::from_str(lines[images.len()]).expect("JSON");
            let case = format!("{:?}, {file}", config.model);
            assert_near(&case, &logits(&dir, flags), &numbers(&said[0]));
            let sums = said[1].as_array().expect("sums").iter().map(|sum| sum.as_f64().expect("a number"));
            assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{case}: {said}");
        }
    }
}

/// The small network, and the wide one in three stages and in four.
fn networks(place: &Place) -> [RunConfig; 3] {
    let mut four_stages = place.wrn_config();
    four_stages.model.depth = 13;
    [place.config(), place.wrn_config(), four_stages]
}

/// The flags of `fixmatch export` and of `fixmatch-worker logits` for the weights as trained and for their average.
const NETWORKS: [(&[&str], &[&str], &str); 2] = [(&["--raw"], &[], "raw"), (&[], &["--ema"], "ema")];

fn export(dir: &RunDir, format: &str, out: &Path, flags: &[&str]) {
    let mut export = Command::new(env!("CARGO_BIN_EXE_fixmatch"));
    output_of(export.arg("export").arg(dir.path()).arg(format).arg(out).args(flags));
}

#[track_caller]
fn assert_near(case: &str, ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len(), "{case}");
    assert!(ours.iter().any(|x| x.abs() > 0.01), "{case}: {ours:?} says nothing");
    let difference = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("{case}: {difference:.2e}");
    assert!(difference < TOLERANCE, "{case}: {difference}");
}
