//! What a worker computes with: vector instructions by name, and bf16 only where the processor has it or the user insists.

use std::process::{Command, Output};

use fixmatch::config::{Precision, RunConfig};
use fixmatch::machine::processor::{cpuinfo, emulates_bf16};

use super::support::{Place, failure, finish, worker_command};

fn bench(simd: Option<&str>, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fixmatch-worker"));
    command.args(["bench", "--way", "split, none", "--steps", "1", "--threads", "1"]).args(args);
    command.env_remove("FIXMATCH_SIMD").envs(simd.map(|level| ("FIXMATCH_SIMD", level)));
    command.output().expect("it starts")
}

#[test]
fn a_run_records_the_instructions_that_it_was_told() {
    let place = Place::new();
    let run = place.run(&place.config());
    let done = worker_command(&run).env("FIXMATCH_SIMD", "scalar").status().expect("it starts");
    assert!(done.success());
    let found = run.read_run().expect("reads").environment.expect("it ran");
    assert_eq!(found.instructions.as_deref(), Some("scalar"));
}

#[test]
fn instructions_that_are_unknown_or_missing_are_refused_with_those_that_are_there() {
    let missing = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
    let here = format!("this processor has no {missing} instructions: choose one of scalar");
    let cases = [
        (bench(Some("sse9"), &[]), "FIXMATCH_SIMD=sse9: \"sse9\" is none of scalar, avx2, avx512, neon"),
        (bench(Some(""), &[]), "FIXMATCH_SIMD=: \"\" is none of scalar, avx2, avx512, neon"),
        (bench(Some(missing), &[]), &here),
        (bench(None, &["--simd", missing]), &here),
    ];
    for (output, expected) in cases {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{expected}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_run_in_bf16_begins_where_the_processor_has_it_or_the_user_insists() {
    let place = Place::new();
    let in_bf16 = |emulate_bf16| {
        let mut config: RunConfig = place.config();
        config.train.precision = Precision::Bf16;
        config.machine.emulate_bf16 = emulate_bf16;
        config.train.steps = 1;
        place.run(&config)
    };
    let run = in_bf16(false);
    if emulates_bf16(&cpuinfo()) {
        let reason = failure(&run);
        assert!(reason.contains("about ten times as long") && reason.contains("machine.emulate_bf16"), "{reason}");
        finish(&in_bf16(true));
    } else {
        finish(&run);
    }
}
