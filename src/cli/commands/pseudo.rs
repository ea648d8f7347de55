//! `fixmatch pseudo`: what a run's pseudo-labels did, and what another threshold or policy would have accepted.

use fixmatch::base::text::Name;
use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use fixmatch::config::Policy;
use fixmatch::examples;
use fixmatch::run::dir::RunDir;
use fixmatch::run::insight::{self, Agreement, Histogram, Judged, Panel, Record};
use fixmatch::run::pseudo::alarm::Alarm;
use fixmatch::run::pseudo::{Basis, Expected, Threshold, View};
use fixmatch::run::state::RunState;
use serde::Serialize;
use strum::VariantArray as _;

use super::{RunArg, Runs, note, say, say_json};
use crate::words::numbers::{grouped, or_dash, percent, plural, range, table};

/// Show what a run's pseudo-labels did: how many each class has, how accurate they are, and what another τ or policy
/// would have accepted
///
/// Accuracy is judged by the true labels, which training does not see. A what-if tells what another τ or policy would have
/// accepted of what the network said, not what the network would have learned with it.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch pseudo",
    "fixmatch pseudo quickstart --tau 0.9",
    "fixmatch pseudo quickstart --policy freematch"
))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// What if τ had been this: an edge of the bins, such as 0.9, 0.95 or 0.99
    #[arg(long, value_name = "TAU")]
    tau: Option<f64>,
    /// What if this policy had decided, with the run's own constants
    #[arg(long, conflicts_with = "tau", value_parser = policies())]
    policy: Option<Policy>,
    /// As of this step [default: the newest]
    #[arg(long, value_name = "STEP")]
    at: Option<u64>,
    /// As JSON, every histogram of the run with it
    #[arg(long)]
    json: bool,
}

/// A policy by its name.
fn policies() -> impl TypedValueParser<Value = Policy> {
    let names = Policy::VARIANTS.iter().map(|policy| policy.name());
    PossibleValuesParser::new(names).map(|name| {
        let policy = Policy::VARIANTS.iter().find(|policy| policy.name() == name);
        *policy.expect("one of the possible values")
    })
}

/// Points of the table over the run.
const N_POINTS: usize = 16;

/// A run's pseudo-labels at one moment.
#[derive(Debug, Serialize)]
pub struct Moment {
    /// The steps done.
    pub step: u64,
    /// Of how many steps.
    pub n_steps: u64,
    /// Whether the true labels are known.
    pub oracle: bool,
    /// Where the expected shares come from.
    pub expected_from: Basis,
    /// As they were accepted.
    pub in_force: Totals,
    /// The policy that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<&'static str>,
    /// As another threshold or policy would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<Totals>,
    /// What each policy would have accepted; empty in runs of before they watched.
    pub policies: Vec<PolicyRow>,
    /// Of the images that are followed, the share of which the averaged and the trained network say the same.
    pub agreement: Option<f64>,
    /// The step of the evaluation that asked them.
    pub agreement_step: Option<u64>,
    /// For each class, under the threshold that was asked for, else the one in force.
    pub classes: Vec<ClassRow>,
}

/// All classes together.
#[derive(Debug, Serialize)]
pub struct Totals {
    tau: f64,
    mask_ratio: Option<f64>,
    purity: Option<f64>,
    n: u64,
    n_accepted: u64,
}

/// One policy.
#[derive(Debug, Serialize)]
pub struct PolicyRow {
    policy: &'static str,
    /// Whether training goes by it.
    decides: bool,
    /// The steps done when it began to watch.
    since: u64,
    #[serde(flatten)]
    totals: Totals,
    /// What it remembers: of each class, or one number for all.
    memory: BTreeMap<&'static str, Vec<f32>>,
    /// From which confidence on its pseudo-labels count, the lowest class and the highest.
    #[serde(skip)]
    thresholds: Option<[f64; 2]>,
}

/// One class.
#[derive(Debug, Serialize)]
pub struct ClassRow {
    /// From which confidence on its pseudo-labels count fully, under the threshold that was asked for.
    threshold: Option<f64>,
    class: Name,
    n: u64,
    n_accepted: u64,
    acceptance: Option<f64>,
    purity: Option<f64>,
    share: Option<f64>,
    expected_share: f64,
    /// Images that are followed and that the trained network puts into the class.
    n_followed: u64,
    /// Those that the averaged one puts there too.
    n_agreed: u64,
}

/// The whole answer.
#[derive(Serialize)]
struct Page {
    id: String,
    #[serde(flatten)]
    moment: Moment,
    alarms: Vec<Alarm>,
    history: Vec<Point>,
}

/// One histogram of the run.
#[derive(Serialize)]
struct Point {
    step: u64,
    in_force: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    what_if: Option<Totals>,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let dir = runs.find(&args.run)?;
    let tau = args.tau.map(Threshold::at).transpose().context("--tau")?;
    let what_if = tau.or(args.policy.map(Threshold::Policy));
    let mut state = RunState::read(&dir)?;
    if let Some(step) = args.at {
        state.forget_after(step);
    }
    let records = readable(&dir, &state)?;
    let histograms: Vec<&Histogram> = records.iter().filter_map(histogram).collect();
    let newest = histograms.last().with_context(|| {
        if records.len() == state.insights.len() {
            why_none(&dir, &state, args.at)
        } else {
            format!("no histogram of {} can be read", dir.id())
        }
    })?;
    if let Some(policy) = args.policy.filter(|&policy| newest.judged_by(policy).is_none()) {
        ensure!(
            newest.judged.is_empty(),
            "{} did not watch in {} at step {}",
            policy.name(),
            dir.id(),
            grouped(newest.step)
        );
        bail!(
            "no policies watched the pseudo-labels of {} at step {}, as they do in runs of this fixmatch. \
             `--tau` asks what another threshold would have accepted, not {}",
            dir.id(),
            grouped(newest.step),
            policy.name()
        );
    }
    let point = |histogram: &&Histogram| Point {
        step: histogram.step,
        in_force: Totals::of(&View::in_force(histogram)),
        what_if: what_if.and_then(|threshold| View::of(histogram, threshold)).as_ref().map(Totals::of),
    };
    let page = Page {
        id: dir.id(),
        moment: Moment::of(newest, records.iter().rev().find_map(panel), what_if, &state),
        history: histograms.iter().map(point).collect(),
        alarms: state.alarms,
    };
    if args.json {
        say_json(&page)?;
    } else {
        say(page.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The records that a log names, as far as they can be read; a warning tells of others.
fn readable(dir: &RunDir, state: &RunState) -> Result<Vec<Record>> {
    let (records, problems) = insight::read_all(&dir.insight(), &state.insights)?;
    if let Some(problem) = problems.first() {
        let (n, of) = (problems.len(), state.insights.len());
        note(format_args!("warning: {n} of {of} records cannot be read; {problem}"));
    }
    Ok(records)
}

/// Why there is nothing to show.
fn why_none(dir: &RunDir, state: &RunState, at: Option<u64>) -> String {
    let id = dir.id();
    let every = dir.read_run().map_or(0, |run| run.config.insight.every);
    match at {
        Some(step) => format!("{id} has counted no pseudo-labels by step {step}"),
        None if state.started.is_none() => format!("{id} has not begun"),
        None => format!(
            "{id} has counted no pseudo-labels yet: it does every {}, and not without unlabeled images (λ_u = 0)",
            plural(every, "step")
        ),
    }
}

fn histogram(record: &Record) -> Option<&Histogram> {
    match record {
        Record::Histogram(histogram) => Some(histogram),
        Record::Panel(_) => None,
    }
}

fn panel(record: &Record) -> Option<&Panel> {
    match record {
        Record::Panel(panel) => Some(panel),
        Record::Histogram(_) => None,
    }
}

impl Moment {
    /// The newest histogram that can be read of those that a log names, with the newest panel.
    pub fn newest(dir: &RunDir, state: &RunState) -> Result<Option<Self>> {
        let records = readable(dir, state)?;
        let mut newest = records.iter().rev();
        let panel = newest.clone().find_map(panel);
        Ok(newest.find_map(histogram).map(|histogram| Self::of(histogram, panel, None, state)))
    }

    fn of(histogram: &Histogram, panel: Option<&Panel>, what_if: Option<Threshold>, state: &RunState) -> Self {
        let started = state.started.as_ref();
        let names = started.map_or(&[][..], |started| &started.classes);
        let labeled = started.map_or(&[][..], |started| &started.labeled_per_class);
        let expected = Expected::of(labeled, histogram.n_classes());
        let threshold = what_if.unwrap_or_default();
        let view = View::of(histogram, threshold).unwrap_or_else(|| View::in_force(histogram));
        let row = |(class, (it, &expected_share)): (usize, (&fixmatch::run::pseudo::Class, &f64))| {
            let Agreement { n, agreed } = panel.map_or_else(Agreement::default, |panel| panel.agreement_in(class));
            ClassRow {
                threshold: threshold.of_class(histogram, class),
                class: names.get(class).cloned().unwrap_or_else(|| format!("class {class}").into()),
                n: it.named.n,
                n_accepted: it.accepted.n,
                acceptance: it.acceptance,
                purity: it.purity,
                share: it.share,
                expected_share,
                n_followed: n,
                n_agreed: agreed,
            }
        };
        Self {
            step: histogram.step,
            n_steps: histogram.n_steps,
            oracle: histogram.has_oracle,
            expected_from: expected.basis,
            in_force: Totals::of(&View::in_force(histogram)),
            policy: match what_if {
                Some(Threshold::Policy(policy)) => Some(policy.name()),
                _ => None,
            },
            what_if: what_if.map(|_| Totals::of(&view)),
            policies: histogram.judged.iter().filter_map(|judged| PolicyRow::of(histogram, judged)).collect(),
            agreement: panel.and_then(|panel| panel.agreement().share()),
            agreement_step: panel.map(|panel| panel.step),
            classes: view.classes.iter().zip(&expected.shares).enumerate().map(row).collect(),
        }
    }

    /// All classes together, then a table of them.
    pub fn text(&self) -> String {
        let head = format!("pseudo-labels of the {} before step {}", plural(self.n_steps, "step"), grouped(self.step));
        let totals = |what: &str, policy: Option<&str>, totals: &Totals| {
            vec![
                policy.map_or_else(|| format!("τ = {} {what}", totals.tau), |policy| format!("{policy} {what}")),
                or_dash(totals.mask_ratio, percent),
                or_dash(totals.purity, percent),
                grouped(totals.n_accepted),
                grouped(totals.n),
            ]
        };
        let mut rows = vec![totals("in force", None, &self.in_force)];
        rows.extend(self.what_if.as_ref().map(|it| totals("what if", self.policy, it)));
        let class = |row: &ClassRow| {
            vec![
                row.class.to_string(),
                grouped(row.n),
                or_dash(row.acceptance, percent),
                or_dash(row.purity, percent),
                or_dash(row.share, percent),
                percent(row.expected_share),
                or_dash((row.n_followed > 0).then_some(row), |row| format!("{} of {}", row.n_agreed, row.n_followed)),
            ]
        };
        let classes: Vec<_> = self.classes.iter().map(class).collect();
        let accuracy = if self.oracle {
            "ACCURACY: how many of the accepted name the true class, which training does not see. SHARES are expected"
        } else {
            "the true labels are not known, and so no ACCURACY. SHARES are expected"
        };
        let basis = match self.expected_from {
            Basis::Uniform => "to be equal.",
            Basis::LabelSet => "to be those of the labeled images.",
        };
        let policies: Vec<_> = self.policies.iter().map(PolicyRow::cells).collect();
        let mut lines = vec![head, table(&["", "MASK RATIO", "ACCURACY", "ACCEPTED", "OF"], &rows), String::new()];
        if !policies.is_empty() {
            lines.extend([
                table(&["POLICY", "MASK RATIO", "ACCURACY", "ACCEPTED", "FROM A CONFIDENCE OF"], &policies),
                "what each policy would have accepted of the same, by what it saw of the run until then".into(),
                String::new(),
            ]);
        }
        lines.extend([
            table(&["CLASS", "NAMED", "ACCEPTED", "ACCURACY", "SHARE", "EXPECTED", "AGREEMENT"], &classes),
            format!("{accuracy} {basis}"),
        ]);
        lines.extend(self.agreement.zip(self.agreement_step).map(|(agreement, step)| {
            format!(
                "AGREEMENT is no accuracy: of the followed images that the trained weights put into the class at step {},\n\
                 how many the averaged weights (EMA) put there too; over all classes {}",
                grouped(step),
                percent(agreement)
            )
        }));
        lines.join("\n")
    }
}

impl PolicyRow {
    fn of(histogram: &Histogram, judged: &Judged) -> Option<Self> {
        let totals = Totals::of(&View::of(histogram, Threshold::Policy(judged.policy))?);
        let Judged { policy, decides, since, .. } = *judged;
        let memory = judged.memory.iter().map(|(quantity, values)| (quantity.name(), values.clone())).collect();
        Some(Self { policy: policy.name(), decides, since, totals, memory, thresholds: judged.thresholds() })
    }

    fn cells(&self) -> Vec<String> {
        let name = if self.decides { format!("{} in force", self.policy) } else { self.policy.into() };
        let totals = &self.totals;
        let name = if self.since > 0 { format!("{name}, watching since step {}", grouped(self.since)) } else { name };
        vec![
            name,
            or_dash(totals.mask_ratio, percent),
            or_dash(totals.purity, percent),
            grouped(totals.n_accepted),
            or_dash(self.thresholds, |[low, high]| range(low, high)),
        ]
    }
}

impl Totals {
    fn of(view: &View) -> Self {
        let View { tau, mask_ratio, purity, named, accepted, .. } = *view;
        Self { tau, mask_ratio, purity, n: named.n, n_accepted: accepted.n }
    }
}

impl Page {
    fn text(&self) -> String {
        let alarm = |it: &Alarm| format!("alarm at step {}: {}", grouped(it.step), it.message);
        let alarms: Vec<String> = self.alarms.iter().map(alarm).collect();
        let alarms = (!alarms.is_empty()).then(|| alarms.join("\n"));
        let parts = [Some(self.id.clone()), Some(self.moment.text()), alarms, Some(self.over_the_run())];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    /// A few histograms of the run, the newest one among them.
    fn over_the_run(&self) -> String {
        let every = self.history.len().div_ceil(N_POINTS).max(1);
        let last = self.history.len().saturating_sub(1);
        let shown = self.history.iter().enumerate().filter(|(i, _)| (last - i).is_multiple_of(every));
        let of = |totals: &Totals| [or_dash(totals.mask_ratio, percent), or_dash(totals.purity, percent)];
        let rows: Vec<Vec<String>> = shown
            .map(|(_, point)| {
                let head = [grouped(point.step), point.in_force.tau.to_string()].into_iter().chain(of(&point.in_force));
                let what_if = || match &point.what_if {
                    Some(totals) => of(totals),
                    None => ["–".into(), "–".into()],
                };
                head.chain(self.moment.what_if.iter().flat_map(|_| what_if())).collect()
            })
            .collect();
        let asked = match self.moment.policy {
            Some(policy) => policy.to_uppercase(),
            None => self.moment.what_if.as_ref().map_or_else(String::new, |it| format!("AT τ = {}", it.tau)),
        };
        let mut head = vec!["STEP", "τ", "MASK RATIO", "ACCURACY"];
        if !asked.is_empty() {
            head.extend([asked.as_str(), "ACCURACY"]);
        }
        table(&head, &rows)
    }
}
