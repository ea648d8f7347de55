//! What a run's pseudo-labels did, from the command line.

use fixmatch::config::Policy;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::insight::{
    Count, EDGES, Histogram, InsightFile, Judged, N_BINS, Opinion, Panel, Quantity, Record, Verdict,
};
use serde_json::Value;

use super::{Place, append, evaluated, launched, progress, started};

/// Of each of two classes, `sure` pseudo-labels above 0.999 and 100 between 0.9 and 0.91; of both, the part `right`.
fn histogram(step: u64, sure: [u64; 2], right: f64) -> Record {
    let bin = EDGES.iter().position(|&edge| edge == 0.9).expect("an edge");
    let count = |n: u64| Count { n, right: (n as f64 * right) as u64 };
    let mut bins = vec![Count::default(); 2 * N_BINS];
    for (class, sure) in sure.into_iter().enumerate() {
        bins[class * N_BINS + N_BINS - 1] = count(sure);
        bins[class * N_BINS + bin] = count(100);
    }
    let accepted = sure.map(count).to_vec();
    Record::Histogram(Histogram {
        step,
        n_steps: 10,
        threshold: 0.95,
        has_oracle: true,
        bins,
        accepted,
        judged: vec![],
    })
}

pub fn run(place: &Place) -> RunDir {
    let dir = place.run("one", &[launched(), started()]);
    let mut file = InsightFile::open(&dir.insight(), &[]).expect("opens");
    let verdict = |class| Verdict { class, confidence: 0.5 };
    let opinion = |online| Opinion { index: 7, label: Some(0), ema: verdict(1), online: verdict(online) };
    let panel = Panel { step: 20, unlabeled: vec![opinion(0), opinion(1), opinion(1), opinion(1)], labeled: vec![] };
    for record in [histogram(10, [100, 0], 1.0), judged(20, 12), Record::Panel(panel)] {
        let pointer = file.append(&record).expect("appended");
        append(&dir, &[progress(pointer.step), Event::Insight(pointer)]);
    }
    append(&dir, &[evaluated(20, 0.5)]);
    dir
}

#[test]
fn pseudo_labels_are_told_class_by_class_and_for_another_threshold() {
    let place = Place::new();
    run(&place);
    let said = place.fixmatch(&["pseudo", "--tau", "0.9"]);
    said.check(
        0,
        &[
            "pseudo-labels of the 10 steps before step 20",
            "τ = 0.95 in force      66.7 %    75.0 %       400  600",
            "τ = 0.9 what if       100.0 %    75.0 %       600  600",
            "CLASS  NAMED  ACCEPTED  ACCURACY   SHARE  EXPECTED  AGREEMENT",
            "cats     400   100.0 %    75.0 %  66.7 %    50.0 %     0 of 1",
            "dogs     200   100.0 %    75.0 %  33.3 %    50.0 %     3 of 3",
            "ACCURACY: how many of the accepted name the true class, which training does not see. SHARES are expected to be equal.",
            "AGREEMENT is no accuracy",
            "into the class at step 20",
            "over all classes 75.0 %",
            "10    0.95      33.3 %   100.0 %     100.0 %   100.0 %",
        ],
        &[],
    );
    let said = place.fixmatch(&["pseudo", "--at", "10", "--json"]);
    let page: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&page["step"], &page["in_force"]["mask_ratio"]), (&10.into(), &(1.0 / 3.0).into()));
    assert_eq!(page["classes"][0]["share"], 1.0);
    assert_eq!(page["history"].as_array().map(Vec::len), Some(1));
    assert_eq!((&page["agreement"], &page["classes"][1]["n_followed"]), (&Value::Null, &0.into()), "before any panel");
    place.fixmatch(&["pseudo", "--tau", "0.72"]).check(
        1,
        &[],
        &["--tau: the histograms count between edges", "0.7 and 0.75"],
    );
    place.fixmatch(&["pseudo", "--at", "5"]).check(1, &[], &["has counted no pseudo-labels by step 5"]);
}

/// The histogram above, judged by τ, which decides, and by FreeMatch, which accepts the sure ones and 50 more dogs, none
/// of them right.
fn judged(step: u64, since: u64) -> Record {
    let Record::Histogram(histogram) = histogram(step, [300, 100], 0.75) else { unreachable!("it is one") };
    let fixed = Judged {
        policy: Policy::Fixed,
        decides: true,
        since: 0,
        counted: histogram.accepted.clone(),
        memory: vec![(Quantity::Threshold, vec![0.95])],
    };
    let mut counted = histogram.accepted.clone();
    counted[1].n += 50;
    let memory = vec![(Quantity::Threshold, vec![0.95, 0.5]), (Quantity::Shares, vec![0.7, 0.3])];
    let free = Judged { policy: Policy::Freematch, decides: false, since, counted, memory };
    Record::Histogram(Histogram { judged: vec![fixed, free], ..histogram })
}

#[test]
fn it_is_told_what_other_policies_would_have_accepted() {
    let place = Place::new();
    run(&place);
    place.fixmatch(&["pseudo", "--policy", "freematch"]).check(
        0,
        &[
            "fixed in force                         66.7 %    75.0 %       400                 0.950",
            "freematch, watching since step 12      75.0 %    66.7 %       450        0.500 to 0.950",
            "freematch what if      75.0 %    66.7 %       450  600",
            "dogs     200    75.0 %    50.0 %  33.3 %    50.0 %     3 of 3",
            "STEP     τ  MASK RATIO  ACCURACY  FREEMATCH  ACCURACY",
            "10    0.95      33.3 %   100.0 %          –         –",
            "20    0.95      66.7 %    75.0 %     75.0 %    66.7 %",
        ],
        &[],
    );
    let page: Value =
        serde_json::from_str(&place.fixmatch(&["pseudo", "--policy", "freematch", "--json"]).out).expect("JSON");
    assert_eq!((&page["policy"], &page["what_if"]["n_accepted"]), (&"freematch".into(), &450.into()));
    assert_eq!(page["policies"][1]["memory"]["shares"], serde_json::json!([0.7, 0.3]));
    assert_eq!((&page["classes"][0]["threshold"], &page["classes"][1]["threshold"]), (&0.95.into(), &0.5.into()));
    place.fixmatch(&["pseudo", "--policy", "softmatch"]).check(1, &[], &["softmatch did not watch", "step 20"]);
    place.fixmatch(&["pseudo", "--policy", "freematch", "--at", "10"]).check(
        1,
        &[],
        &["no policies watched", "step 10"],
    );
    place.fixmatch(&["pseudo", "--policy", "mixmatch"]).check(2, &[], &["mixmatch", "flexmatch"]);
}

#[test]
fn a_run_is_shown_as_it_was() {
    let place = Place::new();
    let dir = run(&place);
    let now: Value = serde_json::from_str(&place.fixmatch(&["show", "--json"]).out).expect("JSON");
    assert_eq!((&now["step"], &now["pseudo_labels"]["step"]), (&20.into(), &20.into()));
    let agreed = &now["pseudo_labels"]["classes"][1];
    assert_eq!((&agreed["n_agreed"], &agreed["n_followed"]), (&3.into(), &3.into()));
    assert_eq!(now["pseudo_labels"]["agreement"], 0.75);
    let then: Value = serde_json::from_str(&place.fixmatch(&["show", "--at", "15", "--json"]).out).expect("JSON");
    assert_eq!((&then["at"], &then["step"], &then["last_progress"]["step"]), (&15.into(), &15.into(), &10.into()));
    assert_eq!(then["evaluations"], serde_json::json!([]));
    assert_eq!(then["pseudo_labels"]["in_force"]["purity"], 1.0);
    place.fixmatch(&["show", "--at", "15"]).check(
        0,
        &["as it was at step 15 of 500", "of the 10 steps before step 10"],
        &[],
    );
    let late = format!("{} has done 20 steps, not yet 21", dir.id());
    place.fixmatch(&["show", "--at", "21"]).check(1, &[], &[&late]);
}

#[test]
fn records_that_are_gone_are_told_and_the_rest_is_shown() {
    let place = Place::new();
    let dir = run(&place);
    let bytes = std::fs::read(dir.insight()).expect("there");
    std::fs::write(dir.insight(), &bytes[..bytes.len() - 3]).expect("torn");
    place.fixmatch(&["pseudo"]).check(
        0,
        &["before step 20"],
        &["warning: 1 of 3 records cannot be read; ", "insight.bin, record of step 20"],
    );
    place.fixmatch(&["show"]).check(0, &["before step 20"], &["warning: 1 of 3 records cannot be read; "]);
    std::fs::remove_file(dir.insight()).expect("removed");
    place.fixmatch(&["pseudo"]).check(1, &[], &["warning: 3 of 3 records", "no histogram of", "can be read"]);
    place.fixmatch(&["show"]).check(0, &["step 20 of 500"], &["warning: 3 of 3 records cannot be read; "]);
}
