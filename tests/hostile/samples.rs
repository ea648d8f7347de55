//! Small files of each format, as they are when nothing is wrong.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fixmatch::config::{Metric, Rank};
use fixmatch::data::Dataset;
use fixmatch::labels::ranking::{self, Made, Ranking};
use fixmatch::suite::expand::expand;
use fixmatch::suite::file::Suite;
use fixmatch::suite::order::{Order, Wanted};
use fixmatch::suite::slots::Slot;
use image::{ImageFormat, RgbImage};

pub const CHECKPOINT: &str = "checkpoints/00000073.safetensors";

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first files of TOML in a folder.
pub fn files(folder: &str, n: usize) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    paths.sort();
    paths.iter().take(n).map(|path| fs::read(path).expect("reads")).collect()
}

/// The files of a run of before there were seals.
pub fn run() -> Vec<(&'static str, Vec<u8>)> {
    let read = |name| (name, fs::read(root().join("tests/golden/run-of-aff95dc").join(name)).expect("reads"));
    ["run.toml", "labels.json", "events.jsonl", "insight.bin", CHECKPOINT].map(read).to_vec()
}

pub fn letters() -> Vec<Vec<u8>> {
    let letters = [
        r#"{"who":"user@host","request":"pause"}"#,
        r#"{"who":"user@host","request":{"set":{"key":"threshold","value":0.5}}}"#,
    ];
    letters.map(|text| text.as_bytes().to_vec()).to_vec()
}

pub fn order() -> Vec<u8> {
    let suite = Suite::find("quickstart-labels").expect("is shipped");
    let mut grid = expand(&suite).expect("resolves");
    grid.runs.truncate(2);
    let (wanted, slots) = (Wanted::Train, Slot::parse_all("cpu").expect("a slot"));
    let order = Order {
        suite: suite.name,
        title: suite.title,
        who: "user@host".into(),
        slots,
        slurm: None,
        wanted,
        retry_after: 0.0,
        grid,
    };
    serde_json::to_vec(&order).expect("serialises")
}

pub fn ranking(dataset: &Dataset) -> Ranking {
    let scores: Vec<f32> = (0..dataset.train.n()).map(|index| index as f32).collect();
    Ranking {
        dataset: dataset.name.clone(),
        data_digest: dataset.digest.clone(),
        rank: Rank { by: Metric::Agreement, ..Rank::default() },
        needs_labels: true,
        made: Made::default(),
        order: ranking::order(Metric::Agreement, &scores),
        scores,
        clusters: None,
        predictions: None,
        neighbors: None,
    }
}

/// Two gray images of 3×2 pixels, and their labels.
pub fn idx() -> [Vec<u8>; 2] {
    let file = |words: &[u32], body: &[u8]| {
        words.iter().flat_map(|word| word.to_be_bytes()).chain(body.iter().copied()).collect::<Vec<u8>>()
    };
    [file(&[0x803, 2, 2, 3], &[7; 12]), file(&[0x801, 2], &[0, 1])]
}

/// Two records of CIFAR with so many bytes of labels.
pub fn cifar(n_labels: usize) -> Vec<u8> {
    (0..2).flat_map(|record| [vec![record; n_labels], vec![100 + record; 32 * 32 * 3]].concat()).collect()
}

/// The files of STL-10, with one image each.
pub fn stl10() -> Vec<(&'static str, Vec<u8>)> {
    let image = vec![7; 96 * 96 * 3];
    let images = ["train_X.bin", "unlabeled_X.bin", "test_X.bin"].map(|name| (name, image.clone()));
    let others = [("train_y.bin", vec![3]), ("test_y.bin", vec![10]), ("fold_indices.txt", b"0 \n0 0\n".to_vec())];
    images.into_iter().chain(others).collect()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory")
}

pub fn png(n: u8) -> Vec<u8> {
    let image = RgbImage::from_fn(8, 8, |x, y| image::Rgb([n, x as u8 * 30, y as u8 * 30]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).expect("writing to memory");
    bytes.into_inner()
}
