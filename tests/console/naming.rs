//! Names that others gave, on the screens of a small terminal.

use std::path::Path;

use fixmatch::config::preset::Preset;
use fixmatch::labels::set::{LabelSet, Picked};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Evaluated, Evaluation, Event, FailureKind, Started};
use fixmatch::run::file::RunFile;
use fixmatch::run::log::EventLog;

use super::Place;
use super::looking::quit;

/// A title, the clipboard and an empty screen; line ends; letters without end; wide, joined and backward ones.
const NAMES: [&str; 6] = [
    "\x1b]0;stolen\x07\x1b]52;c;c3RvbGVu\x07\x1b[2J\x1b[31m",
    "new\nline\r",
    "ab\tcd ",
    LONG,
    "猫と犬猫と犬猫と犬猫と犬猫と犬猫と犬猫と犬",
    "👨‍👩‍👧🐈‍⬛🇩🇪",
];

const LONG: &str = match std::str::from_utf8(&[b'L'; 200]) {
    Ok(text) => text,
    Err(_) => "",
};

/// Folders of images with such names, an image each to train and to test on.
fn images(folder: &Path) {
    for part in ["train", "test"] {
        for (class, name) in NAMES.iter().enumerate() {
            let class_folder = folder.join(part).join(name.replace('/', ""));
            std::fs::create_dir_all(&class_folder).expect("made");
            let image = image::RgbImage::from_pixel(8, 8, image::Rgb([30 * class as u8; 3]));
            image.save(class_folder.join("1.png")).expect("written");
        }
    }
}

fn run_on(place: &Place, images: &Path) -> RunDir {
    let settings = ["data.dataset=folder".to_owned(), format!("data.path={}", images.display())];
    let config = Preset::find("quickstart").and_then(|preset| preset.resolve(&settings)).expect("resolves");
    let run = RunFile::new("quickstart".into(), settings.to_vec(), config);
    let dir = RunDir::create(&place.runs(), "mine", &run).expect("made");
    let n = NAMES.len();
    let started = Started {
        steps: 500,
        device: "cpu".into(),
        threads: 1,
        n_labeled: n as u64,
        n_test: n as u64,
        classes: NAMES.map(Into::into).to_vec(),
        ..Started::default()
    };
    let evaluation =
        Evaluation { accuracy: 0.5, loss: 1.0, per_class: vec![Some(0.5); n], confusion: vec![vec![1; n]; n] };
    let evaluated = Evaluated { step: 10, raw: evaluation.clone(), ema: evaluation, ..Evaluated::default() };
    let reason = format!("class {} has no images", NAMES[0]);
    let mut log = EventLog::open(&dir.events()).expect("opens");
    for event in [
        Event::Started(Box::new(started)),
        Event::Evaluated(Box::new(evaluated)),
        Event::warning(format!("no image of class {} is labeled", NAMES[1])),
        Event::Failed { step: 10, reason, kind: FailureKind::Outside },
    ] {
        log.append(event).expect("appended");
    }
    let labels = LabelSet::new((0..n as u32).collect(), Picked::Published(NAMES[0].into()));
    std::fs::write(dir.labels(), serde_json::to_vec(&labels).expect("plain")).expect("written");
    dir
}

#[test]
fn names_from_files_stay_names_on_every_screen_of_a_small_terminal() {
    let place = Place::new();
    let images_at = place.path("images");
    images(&images_at);
    run_on(&place, &images_at);
    let mut terminal = place.open_at((80, 24), &["attach", "mine"], &[]);
    terminal.until("failed: class ␛]0;stolen␇");
    terminal.until("nothing measured");
    let drawn = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    let charts = drawn(&terminal.text());
    for (keys, shown) in [
        ("v", "▸strip"),
        ("\t\t\t", "▸confusion"),
        ("\t", "▸classes"),
        ("\x1b", "nothing measured"),
        ("o", "no image of class new line"),
        ("\x1b", "nothing measured"),
        ("i", "␛]0;stolen␇"),
        ("\x1b", "nothing measured"),
        ("c", "data.path"),
        ("\x1b", "nothing measured"),
        ("\x1b", "▸ quickstart"),
    ] {
        terminal.press(keys);
        terminal.until(shown);
        terminal.until_it("the footer", |text| text.lines().nth(23).is_some_and(|line| line.contains("quit")));
        if shown == "nothing measured" {
            terminal.until_it("nothing is left of another screen", |text| drawn(text) == charts);
        }
        assert!(!terminal.title().starts_with("stolen") && terminal.copied().is_empty(), "{keys}: {}", terminal.text());
    }
    assert_eq!(terminal.n_bells(), 0);
    quit(&mut terminal);
}
