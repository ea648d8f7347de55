//! What others wrote steers no terminal: every command, on runs, presets and images full of escape sequences.

use std::fs;

use fixmatch::base::text::{is_unshown, width};
use fixmatch::labels::set::{LabelSet, Picked};
use fixmatch::run::event::{Event, FailureKind};

use super::{Place, Said, launched, progress, started};

/// A title, the clipboard, an empty screen, C1, a line that writes over itself, a bell, and text that reads backwards.
const HOSTILE: &str = "\x1b]0;title\x07\x1b]52;c;cm0=\x07\x1b[2J\u{9b}31m\rover\x08\x7f\tx\u{202e}\u{200b}y";

/// The names below `Commands:` in a help, as clap prints its own tree.
fn commands_in(help: &str) -> Vec<String> {
    let list = help.split_once("Commands:\n").map_or("", |(_, list)| list);
    let names = list.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command that has none below it.
fn leaves(place: &Place, above: &[String]) -> Vec<Vec<String>> {
    let mut args: Vec<&str> = above.iter().map(String::as_str).collect();
    args.push("--help");
    let below = commands_in(&place.fixmatch(&args).out);
    if below.is_empty() {
        return vec![above.to_vec()];
    }
    below.into_iter().flat_map(|name| leaves(place, &[above, &[name]].concat())).collect()
}

#[track_caller]
fn check(place: &Place, args: &[&str]) -> Said {
    let mut command = place.command(args);
    command.env("FIXMATCH_WORKER", place.folder.path().join(HOSTILE));
    let said = super::end_of(command.spawn().expect("fixmatch starts"));
    for text in [&said.out, &said.err] {
        let mut before = None;
        for c in text.chars() {
            assert!(c == '\n' || !is_unshown(c, before), "{args:?} prints {c:?}: {text:?}");
            before = Some(c);
        }
        assert!(!text.contains("panicked"), "{args:?}: {text}");
    }
    said
}

/// A run whose every text is hostile.
fn hostile_run(place: &Place) {
    let said = || HOSTILE.to_owned();
    let Event::Started(mut begun) = started() else { unreachable!("it is one") };
    begun.classes = vec![said().into(), format!(" {HOSTILE}\n").into()];
    let events = [
        Event::Launched { pid: 7, host: said(), version: said(), job: None },
        Event::Started(begun),
        progress(10),
        super::evaluated(10, 0.5),
        Event::warning(said()),
        Event::Refused { id: said(), reason: said() },
        Event::Failed { step: 10, reason: said(), kind: FailureKind::Unknown },
    ];
    let dir = place.run("mine", &events);
    let labels = LabelSet::new((0..10).collect(), Picked::Published(said()));
    fs::write(dir.labels(), serde_json::to_vec(&labels).expect("plain")).expect("written");
    fs::write(dir.worker_log(), HOSTILE).expect("written");
    // the same again, under a name of that kind, lost
    let lost = place.run("lost", &[launched()]);
    fs::write(lost.worker_log(), HOSTILE).expect("written");
    fs::rename(lost.path(), place.runs().join(format!("lost{HOSTILE}"))).expect("renamed");
}

#[test]
fn no_command_prints_a_control_character() {
    let place = Place::new();
    hostile_run(&place);
    let leaves = leaves(&place, &[]);
    assert!(leaves.len() > 20, "{leaves:?}");
    let option = format!("--{HOSTILE}");
    for leaf in leaves {
        let leaf: Vec<&str> = leaf.iter().map(String::as_str).collect();
        for rest in [&[][..], &["mine"], &["mine", "--json"], &["lost"], &[HOSTILE], &[&option]] {
            check(&place, &[&leaf[..], rest].concat());
        }
    }
    assert!(check(&place, &["show", "mine"]).out.contains("failed: ␛]0;title␇"));
    assert!(check(&place, &["runs"]).out.contains("lost␛]0;title␇"));
    let page = check(&place, &["show", "mine", "--json"]).out;
    let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    assert_eq!(page["failure"], HOSTILE, "JSON keeps what was said");
}

/// The rows of the first table in a text, below its head.
fn rows(text: &str) -> Vec<&str> {
    text.lines().skip_while(|line| !line.contains("CLASS")).skip(1).take_while(|line| !line.is_empty()).collect()
}

#[test]
fn names_of_any_kind_keep_their_rows_and_columns() {
    let long = "L".repeat(200);
    let wide = "猫と犬".repeat(20);
    let names = ["new\nline", "tab\tbed", " blanks ", &long, &wide, "👨‍👩‍👧🐈‍⬛🇩🇪", "Ka\u{308}fer", "\u{202e}x", HOSTILE];
    let place = Place::new();
    let images = place.folder.path().join("images");
    for part in ["train", "test"] {
        for name in names {
            let folder = images.join(part).join(name);
            fs::create_dir_all(&folder).expect("made");
            image::RgbImage::new(8, 8).save(folder.join("1.png")).expect("written");
        }
    }
    fs::write(images.join("train/ blanks /no\nimage"), "text").expect("written");
    let preset = "[data]\ndataset = \"folder\"\npath = \"images\"\n[labels]\nper_class = 1";
    fs::write(place.folder.path().join("my.toml"), preset).expect("written");
    for args in [&["data", "verify", "folder", "--path", "images"][..], &["labels", "show", "my.toml"]] {
        let said = check(&place, args);
        let rows = rows(&said.out);
        assert_eq!((said.code, rows.len()), (Some(0), names.len()), "{args:?}: {}{}", said.out, said.err);
        let widths: Vec<_> = rows.iter().map(|row| width(row)).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}: {}", said.out);
        let told = format!("{}{}", said.out, said.err);
        assert!(told.contains("new␊line") && told.contains("train/ blanks /no␊image\n"), "{told}");
    }
    let page = check(&place, &["labels", "show", "my.toml", "--json"]).out;
    let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    let all: Vec<_> = page["images"].as_array().expect("images").iter().map(|it| it["class_name"].clone()).collect();
    assert!(names.iter().all(|name| all.contains(&(*name).into())), "{all:?}");
    check(&place, &["labels", "show", "my.toml", "--png", "sheet.png"]);
    assert!(image::image_dimensions(place.folder.path().join("sheet.png")).expect("an image").0 < 800);
}

#[test]
fn no_error_about_a_preset_prints_a_control_character() {
    let place = Place::new();
    let path = place.folder.path().join(format!("{}.toml", HOSTILE.replace('/', "")));
    let name = path.display().to_string();
    for text in [format!("[train]\n{HOSTILE} = 1\n"), "[train]\n\"\\u001b]0;x\\u0007\" = 1 # \u{9b}2J\u{202e}\n".into()]
    {
        fs::write(&path, text).expect("written");
        assert!(check(&place, &["train", &name]).err.starts_with("error:"));
        check(&place, &["presets", &name]);
    }
}
