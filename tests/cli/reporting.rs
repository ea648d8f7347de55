//! `fixmatch report` and `fixmatch plot`: what is handed on to people who have no fixmatch.

use std::fs;
use std::process::Command;

use super::{Place, append, evaluated, progress};
use fixmatch::run::event::Event;

/// Two configurations, one with two seeds, whose names and values would break a careless page.
fn study(place: &Place) {
    for (setting, seed, accuracies) in [
        ("train.lr=0.01", "0", [0.2, 0.4]),
        ("train.lr=0.01", "1", [0.3, 0.6]),
        ("data.path=\"/a <b>&'q' %_\"", "0", [0.1, 0.2]),
    ] {
        let seed = format!("train.seed={seed}");
        let settings = if setting.starts_with("data") {
            vec!["data.dataset=folder", setting, &seed]
        } else {
            vec![setting, &seed]
        };
        let events = [
            super::launched(),
            super::started(),
            progress(10),
            evaluated(10, accuracies[0]),
            progress(20),
            evaluated(20, accuracies[1]),
        ];
        let dir = place.trained_to("it", &settings, &events);
        append(&dir, &[Event::Finished { step: 20 }]);
    }
}

#[test]
fn a_report_is_one_page_that_needs_nothing_else() {
    let place = Place::new();
    study(&place);
    place.fixmatch(&["report", "-o", "r.html", "--title", "<script>alert(1)</script>"]).check(
        0,
        &["r.html: 3 finished runs"],
        &[],
    );
    let page = fs::read_to_string(place.folder.path().join("r.html")).expect("written");
    for outside in ["<script", "http:", "https:", "src=", "href=", "@import", "url("] {
        let page = page.replace("http://www.w3.org/2000/svg", "").replace("src=\"data:image/png;base64,", "");
        assert!(!page.contains(outside), "{outside} in the page");
    }
    for part in [
        "<title>&lt;script&gt;alert(1)",
        "name=\"viewport\"",
        "prefers-color-scheme: dark",
        "@media print",
        "<svg",
        "test accuracy (EMA)",
        "50.0 ± ", // of 0.4 and 0.6
        "/a &lt;b&gt;&amp;&#39;q&#39; %_",
        "<td>cats</td>",
        "fixmatch train quickstart --set train.lr=0.01",
        "fixmatch report -o r.html",
    ] {
        assert!(page.contains(part), "no {part:?} in\n{page}");
    }
    let unclosed = |tag: &str| page.matches(&format!("<{tag}")).count() - page.matches(&format!("</{tag}>")).count();
    assert_eq!(["table", "svg", "tr", "figure", "pre", "ul"].map(unclosed), [0; 6]);
}

#[test]
fn what_is_written_goes_by_the_files_ending() {
    let place = Place::new();
    study(&place);
    for (file, part) in [
        ("t.md", "|---|---:|"),
        ("t.tex", "\\begin{tabular}"),
        ("t.tex", "/a $<$b$>$\\&'q' \\%\\_"),
        ("t.csv", "group,data.dataset"),
    ] {
        place.fixmatch(&["report", "-o", file, "--force"]).check(0, &[file], &[]);
        let text = fs::read_to_string(place.folder.path().join(file)).expect("written");
        assert!(text.contains(part), "{text}");
    }
    place.fixmatch(&["report", "-o", "t.md"]).check(1, &[], &["t.md exists; --force overwrites it"]);
    place.fixmatch(&["report", "-o", "t.doc"]).check(1, &[], &["a report is .html, .md, .tex or .csv"]);
    place.fixmatch(&["report", "zzz", "-o", "t2.md"]).check(1, &[], &["no run's name holds \"zzz\""]);
    assert!(!place.folder.path().join("t2.md").exists(), "a refused report left a file");
}

#[test]
fn a_figure_has_a_line_for_each_configuration_and_a_band_over_seeds() {
    let place = Place::new();
    study(&place);
    place.fixmatch(&["plot", "-o", "f.svg"]).check(0, &["f.svg"], &[]);
    let svg = fs::read_to_string(place.folder.path().join("f.svg")).expect("written");
    assert_eq!(svg.matches("fill-opacity").count(), 1, "one group has two seeds: {svg}");
    assert!(svg.contains("(n = 2)") && svg.contains("(n = 1)") && svg.contains("step</text>"), "{svg}");
    let drawn = place.fixmatch(&["plot", "-o", "t.svg", "--curve", "loss", "--axis", "time", "--size", "300x200"]);
    drawn.check(0, &["t.svg"], &[]);
    place.fixmatch(&["plot", "-o", "f.pdf"]).check(0, &["f.pdf"], &[]);
    let pdf = fs::read(place.folder.path().join("f.pdf")).expect("written");
    assert!(pdf.starts_with(b"%PDF-") && pdf.trim_ascii_end().ends_with(b"%%EOF"));
    let refusals: &[(&[&str], &str)] = &[
        (&["-o", "f"], "a figure is .svg or .pdf"),
        (&["-o", "g.svg", "--curve", "purity"], "none of these runs has a point of purity"),
        (&["-o", "none/g.svg"], "there is no folder"),
    ];
    for (args, reason) in refusals {
        place.fixmatch(&[&["plot"], *args].concat()).check(1, &[], &[reason]);
    }
    place.fixmatch(&["plot", "-o", "g.svg", "--size", "9x9"]).check(2, &[], &["from 160x120"]);
}

#[test]
fn a_report_says_the_command_that_makes_it_again() {
    let place = Place::new();
    study(&place);
    let made_again = |args: &[&str]| {
        place.fixmatch(&[&["report", "-o", "r.html", "--force"], args].concat()).check(0, &["r.html"], &[]);
        let page = fs::read_to_string(place.folder.path().join("r.html")).expect("written");
        let lines = page.split_once("<h2>Make it again</h2>").expect("a section").1;
        let line = lines.lines().find(|line| line.contains("fixmatch report")).expect("a command");
        let line = line.trim_start_matches("<pre>").trim_end_matches("</pre>");
        line.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
    };
    for (args, expected) in [
        (&[][..], "fixmatch report -o r.html"),
        (&["--by", "last"], "fixmatch report -o r.html"),
        (&["it", "--by", "median"], "fixmatch report it -o r.html --by=median"),
        (&["--title", "two  blanks"], "fixmatch report -o r.html --title='two  blanks'"),
        (&["--title=-1 <b>"], "fixmatch report -o r.html --title='-1 <b>'"),
        (&["note!='a  b'", "step>0"], r"fixmatch report 'note!='\''a  b'\''' 'step>0' -o r.html"),
    ] {
        assert_eq!(made_again(args), expected);
    }
}

/// A browser without a window, if there is one.
fn browser() -> Option<&'static str> {
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(runs)
}

/// Measures a page in frames of three widths: how wide it is, how many files it asked for, its colours, and of the figures
/// that are shown how many there are, how high their smallest text is in tenths of a pixel, and how much of it is cut off.
const RULER: &str = r#"<!doctype html><body><script>
let left = 3, told = [];
for (const width of [320, 390, 1440]) {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 30000; frame.style.border = 0; frame.src = "r.html";
  frame.onload = () => {
    const page = frame.contentDocument, style = frame.contentWindow.getComputedStyle(page.body);
    const asked = frame.contentWindow.performance.getEntriesByType("resource").length;
    const broken = [...page.images].filter(image => !image.naturalWidth).length;
    const figures = [...page.querySelectorAll(".figures svg")].filter(figure => figure.clientWidth);
    let small = 1000, cut = 0;
    for (const figure of figures) {
      small = Math.min(small, Math.floor(120 * figure.clientWidth / figure.viewBox.baseVal.width));
      for (const text of figure.querySelectorAll("text")) {
        const [outer, inner] = [figure, text].map(it => it.getBoundingClientRect());
        cut += inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1;
      }
    }
    told.push(["frame", frame.clientWidth, page.documentElement.scrollWidth, page.images.length, broken, asked,
      style.backgroundColor.match(/\d+/)[0], style.color.match(/\d+/)[0], figures.length, small, cut, ""].join(" "));
    if (--left == 0) document.body.textContent = told.join("\n");
  };
  document.body.append(frame);
}
</script></body>"#;

#[test]
fn a_report_fits_a_phone_and_a_desk_in_light_and_dark_and_asks_for_nothing() {
    let Some(browser) = browser() else {
        fixmatch::base::output::note("not tried: there is no chromium to look at a page with");
        return;
    };
    let place = Place::new();
    study(&place);
    for (i, dir) in fixmatch::run::dir::RunDir::list(&place.runs()).expect("listed").iter().enumerate() {
        let indices: Vec<usize> = (0..30).map(|n| 7 * n + i).collect();
        let labels = format!("{{\"indices\":{indices:?},\"picked\":{{\"per_class\":{{\"n\":3,\"seed\":{i}}}}}}}");
        fs::write(dir.labels(), labels).expect("written");
    }
    let title = "A title without a blank: ".to_owned() + &"x".repeat(200);
    place.fixmatch(&["report", "-o", "r.html", "--title", &title]).check(0, &["r.html"], &[]);
    let folder = place.folder.path();
    fs::write(folder.join("ruler.html"), RULER).expect("written");
    // the page's colours in Blink's order: 0 is dark, 1 is light
    for (scheme, is_dark) in [(0, true), (1, false)] {
        let output = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"])
            .args(["--virtual-time-budget=10000", "--host-resolver-rules=MAP * ~NOTFOUND"])
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
            .arg(format!("file://{}", folder.join("ruler.html").display()))
            .output()
            .expect("it starts");
        let dom = String::from_utf8_lossy(&output.stdout);
        let frames: Vec<Vec<u32>> = dom
            .lines()
            .filter_map(|line| Some(line.split_once("frame ")?.1))
            .map(|line| line.split(' ').map_while(|number| number.parse().ok()).collect())
            .collect();
        assert_eq!(frames.len(), 3, "{dom}\n{}", String::from_utf8_lossy(&output.stderr));
        for frame in frames {
            let [width, needed, images, broken, asked, ground, text, figures, small, cut] = frame[..] else {
                panic!("{frame:?}")
            };
            assert_eq!((figures, cut), (3, 0), "figures that are shown, texts of them that are cut off: {frame:?}");
            assert!(small >= 105, "text of a figure is {} px high at {width} px", f64::from(small) / 10.0);
            assert_eq!(needed, width, "it scrolls sideways");
            assert_eq!((images > 0, broken, asked), (true, 0, 0), "images, broken ones, files that it asked for");
            assert!(if is_dark { ground < 60 && text > 200 } else { ground > 200 && text < 60 }, "{ground} {text}");
        }
    }
}
