//! `fixmatch runs EXPRESSION` and `fixmatch compare`: which runs are meant, how they are grouped, and what is said of them.

use std::fs;

use fixmatch::config::preset::Preset;
use fixmatch::config::{Rank, RunConfig};
use fixmatch::run::change::Change;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::file::{Environment, Parent, RunFile};
use serde_json::Value;

use super::json::study;
use super::{Place, append, whole_run};

impl Place {
    /// A finished run of the quickstart with these settings.
    fn trained(&self, name: &str, settings: &[&str], accuracy: f64) -> RunDir {
        self.trained_to(name, settings, &whole_run(accuracy))
    }

    pub(super) fn trained_to(&self, name: &str, settings: &[&str], events: &[Event]) -> RunDir {
        let settings: Vec<String> = settings.iter().map(|&it| it.to_owned()).collect();
        let config = Preset::find("quickstart").and_then(|preset| preset.resolve(&settings)).expect("resolves");
        let file = RunFile::new("quickstart".into(), settings, config);
        let dir = RunDir::create(&self.runs(), name, &file).expect("made");
        append(&dir, events);
        dir
    }

    /// So many seeds of a configuration, each with the labels of its seed.
    fn seeds(&self, name: &str, setting: &str, accuracies: &[f64]) {
        for (seed, accuracy) in accuracies.iter().enumerate() {
            let seeds = [format!("train.seed={seed}"), format!("labels.seed={seed}")];
            let dir = self.trained(name, &[setting, &seeds[0], &seeds[1]], *accuracy);
            let labels = format!("{{\"indices\":[{seed}],\"picked\":{{\"per_class\":{{\"n\":1,\"seed\":{seed}}}}}}}");
            fs::write(dir.labels(), labels).expect("written");
        }
    }

    fn answer(&self, args: &[&str]) -> Value {
        let said = self.fixmatch(&[args, &["--json"]].concat());
        said.check(0, &[], &[]);
        serde_json::from_str(&said.out).expect("JSON")
    }

    /// The accuracies of the runs that an expression means.
    fn meant(&self, expression: &[&str]) -> Vec<f64> {
        let runs = self.answer(&[&["runs"], expression].concat());
        runs.as_array().expect("runs").iter().filter_map(|run| run["ema_accuracy"].as_f64()).collect()
    }
}

fn environment(host: &str, images: &str) -> Environment {
    Environment {
        host: host.into(),
        cpu: "a processor".into(),
        device: "cpu".into(),
        gpu: None,
        cuda_visible_devices: None,
        libtorch: "2".into(),
        threads: 2,
        version: "0".into(),
        data_digest: images.into(),
        data_known: true,
        instructions: None,
        input: None,
    }
}

fn trained_on(dir: &RunDir, host: &str, images: &str) {
    let file = dir.read_run().expect("reads");
    dir.write_run(&RunFile { environment: Some(environment(host, images)), ..file }).expect("written");
}

#[test]
fn an_expression_means_the_runs_that_fit_it() {
    let place = Place::new();
    place.trained("slow", &["train.lr=0.01"], 0.25);
    place.trained("fast", &["train.lr=0.1", "labels.per_class=10"], 0.5);
    place.trained("fast-labels-only", &["train.lambda_u=0"], 0.75);
    let cases: &[(&[&str], &[f64])] = &[
        (&[], &[0.25, 0.5, 0.75]),
        (&["slow"], &[0.25]),
        (&["fast"], &[0.5]), // the name of one run, and only a part of another
        (&["FAST-L"], &[0.75]),
        (&["labels", "slow"], &[0.75, 0.25]),
        (&["train.lr<=0.01"], &[0.25]),
        (&["lr >= 0.01", "lr<0.1"], &[0.25, 0.75]),
        (&["lambda_u", "=", "0"], &[0.75]),
        (&["accuracy>=50%"], &[0.5, 0.75]),
        (&["accuracy>0.5"], &[0.75]),
        (&["status=finished per_class!=10"], &[0.25, 0.75]),
        (&["status=failed"], &[]),
        (&["data.path=none"], &[0.25, 0.5, 0.75]),
        (&["data.path!=none"], &[]),
        (&["preset=\"quickstart\"", "created>=2020"], &[0.25, 0.5, 0.75]),
        (&["created<2020-01-01"], &[]),
        (&["fast", "accuracy<0.1"], &[]),
    ];
    for (expression, expected) in cases {
        let mut found = place.meant(expression);
        if expression.first() != Some(&"labels") {
            found.sort_by(f64::total_cmp);
        }
        assert_eq!(found, *expected, "{expression:?}");
    }
    place.fixmatch(&["runs", "status=failed"]).check(0, &[], &["no run in", "fits \"status=failed\""]);
}

#[test]
fn a_run_that_orders_images_adds_no_columns() {
    let place = Place::new();
    for seed in ["0", "1"] {
        place.trained(&format!("run{seed}"), &[&format!("train.seed={seed}"), &format!("labels.seed={seed}")], 0.4);
    }
    let head = |place: &Place| place.fixmatch(&["runs"]).out.lines().next().map(str::to_owned);
    let before = head(&place).expect("a head");
    assert!(before.contains("SEED") && !before.contains("LAMBDA_U"), "{before}");
    let mut config = RunConfig::default();
    (config.rank, config.train.lambda_u) = (Some(Rank::default()), 0.0);
    RunDir::create(&place.runs(), "rank", &RunFile::new("for run0".into(), vec![], config)).expect("made");
    assert_eq!(
        head(&place).map(|it| it.split_whitespace().collect::<String>()),
        Some(before.split_whitespace().collect())
    );
}

#[test]
fn the_name_of_a_suite_means_runs_that_it_shares_with_others_too() {
    let place = Place::new();
    let shared = ["labels.per_class=1", "train.seed=1", "labels.seed=1"];
    place.trained("elsewhere", &shared, 0.4);
    place.trained("other", &["labels.per_class=4", "train.seed=1", "labels.seed=1"], 0.4);
    let fork = place.trained("forked", &shared, 0.4);
    let mut file = fork.read_run().expect("reads");
    file.provenance.parent = Some(Parent { run: "elder".into(), step: 5 });
    fork.write_run(&file).expect("written");
    study(&place);
    let said = place.fixmatch(&["runs", "study", "--columns", "per_class"]);
    said.check(0, &["elsewhere", "study"], &[]);
    assert!(!said.out.contains("other") && !said.out.contains("forked"), "{said:?}");
}

#[test]
fn a_suite_whose_runs_saw_other_images_says_so() {
    let place = Place::new();
    study(&place);
    let dirs = RunDir::list(&place.runs()).expect("lists");
    let warning = "in 1 cell runs were not trained on the same images and labels";
    let says = || place.fixmatch(&["suite", "status", "study"]).err.contains(warning);
    for dir in &dirs {
        trained_on(dir, "here", "a");
    }
    assert!(!says());
    trained_on(&dirs[0], "here", "b");
    assert!(says());
}

#[test]
fn an_expression_that_cannot_be_meant_is_refused_with_advice() {
    let place = Place::new();
    place.trained("quick", &[], 0.5);
    for (expression, parts) in [
        (
            "train.lrr=1",
            &["cannot read \"train.lrr=1\"", "there is no key \"train.lrr\"", "did you mean train.lr?"][..],
        ),
        ("accuracy>60", &["accuracy is a share of at most 1: write 0.6 or 60%, not 60"]),
        ("lr>fast", &["train.lr is a number, not \"fast\""]),
        ("status=finishd", &["did you mean finished?"]),
        ("status>finished", &["status is a word: compare it with = or !="]),
        ("lr>none", &["what is missing is neither more nor less"]),
        ("threshold=1", &["\"threshold\" may be augment.ctaugment.threshold or train.threshold"]),
        ("lr=", &["\"lr=\" lacks a value after ="]),
        (">0.5", &["lacks a key before >"]),
        ("preset=\"quick", &["lacks its closing \""]),
        ("quikc", &["no run's name holds \"quikc\"", "did you mean"]),
        ("./nowhere", &["is not a run"]),
    ] {
        place.fixmatch(&["runs", expression]).check(1, &[], &[&["error: "], parts].concat());
        place.fixmatch(&["compare", expression]).check(1, &[], parts);
    }
    place.fixmatch(&["runs", "--columns", "lr,acuracy"]).check(1, &[], &["did you mean accuracy?"]);
    place.fixmatch(&["runs", "--group", "--columns", "accuracy"]).check(1, &[], &["not the same in a group"]);
    place.fixmatch(&["compare", "status=failed"]).check(1, &[], &["fits \"status=failed\""]);
    place.fixmatch(&["compare", "--against", "Q"]).check(1, &[], &["there is no group \"Q\": groups are A to A"]);
}

#[test]
fn the_columns_are_what_runs_differ_in_or_what_was_asked_for() {
    let place = Place::new();
    place.trained("a", &["train.lr=0.01", "train.seed=3", "labels.seed=3"], 0.25);
    place.trained("b", &["train.lr=0.1", "checkpoint.keep=9"], 0.5);
    let head = |args: &[&str]| {
        let said = place.fixmatch(&[&["runs"], args].concat());
        said.check(0, &[], &[]);
        said.out.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(head(&[]), "RUN STATUS STEP DONE LR SEED EMA BEST AGE NOTES");
    assert_eq!(head(&["a"]), "RUN STATUS STEP DONE EMA BEST AGE NOTES");
    assert_eq!(head(&["--columns", "lr,checkpoint.keep,median"]), "RUN LR KEEP MEDIAN");
    let csv = place.fixmatch(&["runs", "--csv", "--columns", "lr,accuracy", "--sort=-lr"]);
    let rows: Vec<_> = csv.out.lines().map(|line| line.split_once(',').map_or("", |(_, rest)| rest)).collect();
    assert_eq!(rows, ["train.lr,accuracy", "0.1,0.5", "0.01,0.25"]);
    assert_eq!(place.answer(&["runs", "a"])[0]["values"], serde_json::json!({}));
    assert_eq!(place.answer(&["runs"])[0]["values"], serde_json::json!({"train.lr": 0.01, "train.seed": 3}));
}

#[test]
fn seeds_of_a_configuration_are_one_line_with_their_spread() {
    let place = Place::new();
    place.seeds("it", "train.lr=0.01", &[0.5, 0.75, 0.25]);
    place.seeds("it", "train.lr=0.1", &[0.5]);
    let said = place.fixmatch(&["runs", "--group", "--sort=-accuracy"]);
    let lines: Vec<Vec<&str>> = said.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1][..6], ["0.01", "3", "50.0", "±", "25.0", "%"], "{}", said.out); // sd by hand
    assert_eq!(lines[2][..4], ["0.1", "1", "50.0", "%"], "{}", said.out);
    let csv = place.fixmatch(&["runs", "--group", "--csv"]).out;
    assert!(csv.contains("\nlr=0.01,0.01,3,0,0.5,0.25,"), "{csv}");
}

#[test]
fn groups_stand_in_the_order_of_their_values_whichever_was_trained_first() {
    let place = Place::new();
    for (lr, strong) in [("0.02", "none"), ("0.003", "randaugment"), ("0.1", "none"), ("0.003", "ctaugment")] {
        place.trained("a", &[&format!("train.lr={lr}"), &format!("augment.strong={strong}")], 0.5);
    }
    let of = |values: &serde_json::Value| format!("{} {}", values["augment.strong"], values["train.lr"]);
    let groups = place.answer(&["compare"])["groups"].clone();
    let order: Vec<_> = groups.as_array().expect("groups").iter().map(|it| of(&it["values"])).collect();
    assert_eq!(order.len(), 4, "{groups:#}");
    let mut sorted = order.clone();
    sorted.sort();
    assert_eq!(order, sorted, "{groups:#}");
}

#[test]
fn runs_with_the_same_labels_are_compared_pair_by_pair() {
    let place = Place::new();
    place.seeds("with", "train.lambda_u=1", &[0.50, 0.60, 0.75]);
    place.seeds("without", "train.lambda_u=0", &[0.45, 0.54, 0.68]);
    let verdict = place.answer(&["compare", "with", "without"]);
    let only = &verdict["comparisons"][0];
    assert_eq!((&only["test"], &only["pairs"]), (&"paired t".into(), &3.into()), "{verdict:#}");
    // differences 0.05, 0.06 and 0.07: mean 0.06, standard error 0.01/√3; t of 2 degrees of freedom at 97.5 %: 4.3027
    let half = 4.302_652_73 * 0.01 / 3.0_f64.sqrt();
    for (key, expected) in [("difference", 0.06), ("low", 0.06 - half), ("high", 0.06 + half), ("df", 2.0)] {
        let found = only[key].as_f64().expect(key);
        assert!((found - expected).abs() < 1e-9, "{key}: {found}, not {expected}");
    }
    assert_eq!(only["seen"], true, "{verdict:#}");
    let said = place.fixmatch(&["compare", "with", "without"]);
    said.check(0, &["They differ in train.lambda_u,", "B − A: +6.0 points", "B is better", "Paired t-test"], &[]);
    let latex = place.fixmatch(&["compare", "with", "without", "--latex"]);
    latex.check(0, &["\\toprule", "lambda\\_u", "$\\pm$", "\\bottomrule"], &[]);
    place.fixmatch(&["compare", "--markdown"]).check(0, &["|---|---:|", "- B − A: "], &[]);
}

#[test]
fn runs_with_other_labels_are_two_samples() {
    let place = Place::new();
    place.seeds("few", "labels.per_class=1", &[0.50, 0.60, 0.75]);
    place.seeds("many", "labels.per_class=2", &[0.45, 0.54, 0.68]);
    for (i, run) in RunDir::list(&place.runs()).expect("listed").iter().enumerate() {
        let labels = format!("{{\"indices\":[{i}],\"picked\":{{\"per_class\":{{\"n\":1,\"seed\":0}}}}}}");
        fs::write(run.labels(), labels).expect("written");
    }
    let only = &place.answer(&["compare"])["comparisons"][0];
    assert_eq!(only["test"], "welch");
    assert_eq!(only["unpaired_because"], "no two share seed and labeled images");
}

#[test]
fn many_comparisons_are_corrected() {
    let place = Place::new();
    place.seeds("a", "train.lr=0.01", &[0.50, 0.60, 0.75]);
    place.seeds("b", "train.lr=0.02", &[0.45, 0.54, 0.68]);
    place.seeds("c", "train.lr=0.03", &[0.50, 0.61, 0.73]);
    let comparisons = |args: &[&str]| place.answer(args)["comparisons"].as_array().expect("some").clone();
    let all = comparisons(&["compare"]);
    assert_eq!(all.len(), 3);
    let least = all.iter().map(|it| it["p"].as_f64().expect("tested")).fold(1.0, f64::min);
    let smallest = all.iter().find(|it| it["p"].as_f64() == Some(least)).expect("there");
    assert!((smallest["p_holm"].as_f64().expect("corrected") - 3.0 * least).abs() < 1e-12);
    let against = comparisons(&["compare", "--against", "b"]);
    let names: Vec<_> = against.iter().map(|it| (it["first"].clone(), it["second"].clone())).collect();
    assert_eq!(names, [("B".into(), "A".into()), ("B".into(), "C".into())]);
}

#[test]
fn what_does_not_count_is_told_with_its_reason() {
    let place = Place::new();
    place.seeds("a", "train.lr=0.01", &[0.5, 0.6]);
    place.seeds("b", "train.lr=0.02", &[0.5, 0.6]);
    place.trained("a", &["train.lr=0.01"], 0.55); // seed 0 again
    let cut = whole_run(0.5);
    place.trained_to("b", &["train.lr=0.02", "train.seed=7", "labels.seed=7"], &cut[..cut.len() - 1]);
    let ranking = place.trained("ranking", &["train.lambda_u=0"], 0.5);
    let mut file = ranking.read_run().expect("reads");
    file.config.rank = Some(fixmatch::config::Rank::default());
    ranking.write_run(&file).expect("written");
    let change =
        Event::Applied { id: "1".into(), step: 5, change: Some(Change::LambdaU(2.0)), undoes: None, cancels: vec![] };
    append(&place.trained("b", &["train.lr=0.02", "train.seed=8"], 0.9), &[change]);
    let fork = place.trained("a", &["train.lr=0.01", "train.seed=9"], 0.9);
    let mut file = fork.read_run().expect("reads");
    file.provenance.parent = Some(Parent { run: "elder".into(), step: 5 });
    fork.write_run(&file).expect("written");
    let edited = place.trained("edited", &["train.lr=0.03"], 0.5);
    let text = fs::read_to_string(edited.run_toml()).expect("reads");
    assert!(text.contains("lr = 0.03"), "{text}");
    fs::write(edited.run_toml(), text.replace("lr = 0.03", "lr = 0.04")).expect("written");
    let broken = place.trained("broken", &[], 0.5);
    fs::write(broken.run_toml(), "[config").expect("written");
    let said = place.fixmatch(&["compare"]);
    said.check(
        0,
        &["was changed while it trained", "is a fork"],
        &[
            "has the same configuration and seeds and is newer",
            "it is lost after",
            "it orders images",
            "run.toml, line 1",
            "its run.toml was damaged or edited: `fixmatch verify` says more",
        ],
    );
    let groups = place.answer(&["compare"])["groups"].clone();
    let mut counted: Vec<_> =
        groups.as_array().expect("groups").iter().map(|it| it["runs"].as_array().map_or(0, Vec::len)).collect();
    counted.sort_unstable();
    assert_eq!(counted, [0, 0, 0, 1, 1, 2, 2], "{groups:#}");
}

#[test]
fn one_seed_two_seeds_and_equal_seeds_get_an_answer_and_no_false_one() {
    let place = Place::new();
    place.seeds("one", "train.lr=0.01", &[0.5]);
    place.seeds("two", "train.lr=0.02", &[0.5, 0.62]);
    place.seeds("same", "train.lr=0.03", &[0.6, 0.72]);
    let compare = |names: &[&str]| place.fixmatch(&[&["compare"], names].concat());
    let images = 100.0 * 1.96 * (0.25_f64 / 100.0 + 0.56 * 0.44 / 100.0).sqrt();
    compare(&["one", "two"]).check(0, &["No test", &format!("±{images:.1} points"), "Of one seed nobody can say"], &[]);
    compare(&["two", "same"]).check(
        0,
        &["+10.0 points in every pair: there is no spread", "Two seeds say little"],
        &[],
    );
    compare(&["one"]).check(0, &["They are one configuration"], &[]);
}

#[test]
fn images_and_machines_are_told_apart_and_paths_are_not() {
    let place = Place::new();
    let at = |name: &str, path: &str, host: &str, images: &str| {
        let seed = format!("train.seed={}", RunDir::list(&place.runs()).map_or(0, |runs| runs.len()));
        let dir = place.trained(name, &["data.dataset=folder", &format!("data.path={path}"), &seed], 0.5);
        trained_on(&dir, host, images);
    };
    at("a", "/here", "one", "digest-1");
    at("a", "/there", "two", "digest-1");
    at("b", "/here", "one", "digest-2");
    let verdict = place.answer(&["compare"]);
    assert_eq!(verdict["groups"].as_array().map(Vec::len), Some(2), "{verdict:#}");
    place.fixmatch(&["compare"]).check(0, &["They are of different images", "different machines (one, two)"], &[]);
    place.trained("c", &["train.steps=20"], 0.5);
    place.fixmatch(&["compare"]).check(0, &["of different data sets (fashion-mini, folder)"], &[]);
}

#[test]
fn tags_and_notes_find_runs_again_and_change_no_identity() {
    let place = Place::new();
    let dir = place.trained("good-one", &[], 0.5);
    place.trained("other", &["train.lr=0.5"], 0.25);
    let before = fs::read(dir.run_toml()).expect("read");
    place.fixmatch(&["tag", "good-one", "+paper", "draft"]).check(0, &["draft, paper"], &[]);
    place.fixmatch(&["tag", "good-one", "-draft"]).check(0, &["good-one-s1: paper"], &[]);
    place.fixmatch(&["note", "good-one", "the one in table 1"]).check(0, &["the one in table 1"], &[]);
    place.fixmatch(&["note", "other"]).check(0, &["no note"], &[]);
    place.fixmatch(&["title", "good-one", "Few <labels>"]).check(0, &["good-one-s1: Few <labels>"], &[]);
    place.fixmatch(&["title", "other"]).check(0, &["no title"], &[]);
    place.fixmatch(&["title", "other", "two\nlines"]).check(1, &[], &["a title is one line"]);
    assert_eq!(place.answer(&["runs", "title='Few <labels>'"])[0]["title"], "Few <labels>");
    place.fixmatch(&["runs", "good-one"]).check(0, &["“Few <labels>”"], &[]);
    place.fixmatch(&["show", "good-one"]).check(0, &["Few <labels>  #paper  the one in table 1"], &[]);
    place.fixmatch(&["report", "-o", "titled.html"]).check(0, &["titled.html"], &[]);
    let page = fs::read_to_string(place.folder.path().join("titled.html")).expect("written");
    assert!(page.contains("<td>Few &lt;labels&gt;</td>"), "{page}");
    assert_eq!(place.meant(&["tag=paper"]), [0.5]);
    assert_eq!(place.meant(&["tag!=paper"]), [0.25]);
    assert_eq!(place.meant(&["tag=none"]), [0.25]);
    assert_eq!(place.answer(&["runs", "good-one"])[0]["note"], "the one in table 1");
    place.fixmatch(&["runs"]).check(0, &["#paper"], &[]);
    place.fixmatch(&["tag", "good-one", "+a,b"]).check(1, &[], &["\"+a,b\" is no tag"]);
    place.fixmatch(&["tag", "good-one", "-none"]).check(1, &[], &["it has no tag \"none\""]);
    assert_eq!(fs::read(dir.run_toml()).expect("read"), before);
    fs::write(dir.path().join("card.json"), "{").expect("written");
    place.fixmatch(&["runs"]).check(0, &["good-one"], &["card.json"]);
    place.fixmatch(&["tag", "good-one", "+x"]).check(1, &[], &["cannot read", "card.json"]);
}

#[test]
fn an_expression_is_saved_under_a_name_and_stands_for_itself_from_then_on() {
    let place = Place::new();
    place.trained("slow", &["train.lr=0.01"], 0.25);
    place.trained("fast", &["train.lr=0.1"], 0.5);
    place.fixmatch(&["runs", "--saved"]).check(0, &[], &["none is saved"]);
    place.fixmatch(&["runs", "@good"]).check(1, &[], &["no expression is saved as @good", "none is saved"]);
    place.fixmatch(&["runs", "accuracy>40%", "--save", "good"]).check(0, &["fast"], &["@good stands for accuracy>40%"]);
    place.fixmatch(&["runs", "slow", "--save", "@lame"]).check(0, &["slow"], &["@lame stands for slow"]);
    place.fixmatch(&["runs", "--saved"]).check(0, &["@good", "accuracy>40%", "@lame"], &[]);
    assert_eq!(place.meant(&["@good"]), [0.5]);
    assert_eq!(place.meant(&["@lame"]), [0.25]);
    assert_eq!(place.meant(&["@good", "lr<0.1"]), [0.0; 0]);
    place.fixmatch(&["runs", "@nice"]).check(1, &[], &["there are @good, @lame"]);
    for (args, expected) in [
        (&["runs", "--save", "all"][..], "there is no expression to save as all"),
        (&["runs", "slow", "--save", "a b"], "\"a b\" is no name for an expression"),
        (&["runs", "@good", "--save", "better"], "\"@good\" is not saved"),
        (&["runs", "acuracy>1", "--save", "typo"], "did you mean accuracy?"),
        (&["runs", "--forget", "nice"], "no expression is saved as nice; there are @good, @lame"),
    ] {
        place.fixmatch(args).check(1, &[], &[expected]);
    }
    place.fixmatch(&["runs", "--forget", "lame"]).check(0, &[], &["@lame stands for nothing any more"]);
    let file = place.folder.path().join("state/expressions.json");
    assert_eq!(fs::read_to_string(&file).expect("there"), "{\n  \"good\": \"accuracy>40%\"\n}");
    fs::write(&file, "{").expect("written");
    place.fixmatch(&["runs"]).check(0, &["fast"], &[]);
    for args in [&["runs", "@good"][..], &["runs", "slow", "--save", "x"], &["runs", "--saved"]] {
        place.fixmatch(args).check(1, &[], &["cannot read", "expressions.json"]);
    }
    assert_eq!(fs::read_to_string(&file).expect("there"), "{", "it is not written over");
}

#[test]
fn a_list_is_sorted_with_what_is_not_known_at_its_end() {
    let place = Place::new();
    place.trained("b", &[], 0.25);
    place.trained("a", &[], 0.5);
    place.trained_to("c", &[], &[]);
    let order = |sort: &str| -> String {
        let runs = place.answer(&["runs", "--sort", sort]);
        let names = runs.as_array().expect("runs").iter().filter_map(|run| run["id"].as_str());
        names.filter_map(|name| name.trim_end_matches("-s1").chars().next_back()).collect()
    };
    assert_eq!([order("accuracy"), order("-accuracy"), order("name"), order("-name")], ["bac", "abc", "abc", "cba"]);
}
