#!/usr/bin/env bash
# What a machine with a GPU has to show before figures of it are believed: that it computes the steps that the CPU computes,
# that the same run gives the same bits, also when it is killed on the way, that nothing is read from the GPU in a step, and what
# time and memory a step takes, beside PyTorch: where nothing is waited for between steps ("flowing"), and by itself.
#
#   scripts/gpu-check.sh [PROGRAMS [DEVICE]]
#
# PROGRAMS is the folder of fixmatch and fixmatch-worker (target/debug), DEVICE where to train (cuda:0). Neither Rust nor a
# network is needed: the programs, and libtorch with its CUDA part, may come from another machine, each in the folder where
# it was there. Where PYTHON (python3) has torch, numpy and Pillow, benches/peer.py is timed too, whatever its version.
# STEPS (30) are timed. `STEPS=2 scripts/gpu-check.sh target/debug cpu` tries the script itself.
#
# Prints Markdown. Ends with 1 if something is not as it should be.

set -euo pipefail

readonly ROOT=$(cd "$(dirname "$0")/.." && pwd)
readonly PROGRAMS=$(cd "${1:-$ROOT/target/debug}" && pwd)
readonly DEVICE=${2:-cuda:0} STEPS=${STEPS:-30} PYTHON=${PYTHON:-python3}
readonly PLACE=$(mktemp -d)
trap 'rm -rf "$PLACE"' EXIT
export FIXMATCH_RUNS=$PLACE/runs FIXMATCH_STATE=$PLACE/state FIXMATCH_CACHE=$PLACE/cache FIXMATCH_CONFIG=$PLACE/config.toml
export GOMP_SPINCOUNT=2000
failed=0

# A line of the report: what, a number, and whether that is as it should be (0).
report() {
    if [ "$3" -eq 0 ]; then echo "| $1 | $2 | yes |"; else echo "| $1 | $2 | **no** |"; failed=1; fi
}

# Trains the embedded images: name, then KEY=VALUE….
train() {
    local name=$1 settings=() setting
    shift
    for setting in "$@"; do settings+=(--set "$setting"); done
    "$PROGRAMS/fixmatch" train quickstart --name "$name" --set train.seed=0 --set train.batch=16 --set train.mu=3 \
        --set machine.threads=2 --set machine.loaders=2 "${settings[@]}" >"$PLACE/$name.log" 2>&1 || {
        tail -n 5 "$PLACE/$name.log" >&2
        return 1
    }
}

# How far the tensors with prefix $3 of the newest checkpoints of runs $1 and $2 lie apart: ‖a − b‖ / ‖a‖.
apart() {
    "$PYTHON" - "$FIXMATCH_RUNS" "$@" <<'PYTHON'
import array, glob, json, math, struct, sys

def tensors(run):
    path = max(glob.glob(f"{sys.argv[1]}/*-{run}-s0/checkpoints/*.safetensors"))
    data = open(path, "rb").read()
    (size,) = struct.unpack("<Q", data[:8])
    for name, it in sorted(json.loads(data[8 : 8 + size]).items()):
        if name.startswith(sys.argv[4]):
            begin, end = (8 + size + offset for offset in it["data_offsets"])
            yield from array.array("f", data[begin:end])

pairs = list(zip(tensors(sys.argv[2]), tensors(sys.argv[3]), strict=True))
difference = math.sqrt(sum((a - b) ** 2 for a, b in pairs))
print(f"{difference / math.sqrt(sum(a * a for a, _ in pairs)):.2e}")
PYTHON
}

# Whether $1 is at most $2.
at_most() {
    "$PYTHON" -c 'import sys; sys.exit(not float(sys.argv[1]) <= float(sys.argv[2]))' "$1" "$2"
}

check_steps() {
    local model kind least setting status difference
    for model in cnn wrn; do
        # every pseudo-label counts, since an untrained network is sure of none
        train "cpu-$model" model.name=$model machine.device=cpu train.steps=1 train.threshold=0
        for kind in "f32 1e-3 machine.tf32=false" "TF32 5e-2 machine.tf32=true" "bf16 2e-1 train.precision=bf16"; do
            read -r kind least setting <<<"$kind"
            train "$kind-$model" model.name=$model machine.device="$DEVICE" train.steps=1 train.threshold=0 \
                machine.emulate_bf16=true "$setting"
            # after one step the momentum is the gradient
            difference=$(apart "cpu-$model" "$kind-$model" momentum.)
            status=0
            at_most "$difference" "$least" || status=1
            report "gradient of the first step, $model, $kind: apart from the CPU's, at most $least" "$difference" $status
        done
    done
}

check_bits() {
    local n=2000 settings model precision dir
    [ "$DEVICE" != cpu ] || n=20 # which takes as long
    for model in "cnn f32" "wrn bf16"; do
        read -r model precision <<<"$model"
        settings=(machine.device="$DEVICE" train.steps=$n checkpoint.every=$((n / 4)) eval.every=$n model.name="$model")
        settings+=(train.precision="$precision" machine.emulate_bf16=true)
        train "unbroken-$model" "${settings[@]}"
        train "single-$model" "${settings[@]}" machine.cuda_graphs=false
        train "killed-$model" "${settings[@]}" 2>/dev/null &
        until compgen -G "$FIXMATCH_RUNS/*-killed-$model-s0/checkpoints/*.safetensors" >/dev/null || ! kill -0 $! 2>/dev/null; do
            sleep 0.02
        done
        dir=$(compgen -G "$FIXMATCH_RUNS/*-killed-$model-s0")
        pkill -KILL -f "fixmatch-worker run $dir" || echo "the run was over before it was killed" >&2
        wait $! || true
        "$PROGRAMS/fixmatch" resume "$(basename "$dir")" >"$PLACE/resume.log" 2>&1 || tail -n 5 "$PLACE/resume.log" >&2
        same "weights, $model, $precision: asked for in one go, and operation by operation" "unbroken-$model" "single-$model"
        same "weights, $model, $precision: of a killed and resumed run, and an unbroken one" "unbroken-$model" "killed-$model"
    done
}

# Reports how far the weights of runs $2 and $3 lie apart, which should be not at all.
same() {
    local difference status=0
    difference=$(apart "$2" "$3" model.)
    at_most "$difference" 0 || status=1
    report "$1: apart" "$difference" $status
}

# The most memory of the GPU that anybody uses while process $1 is there, in MiB.
gpu_memory() {
    local most=0 now
    while kill -0 "$1" 2>/dev/null; do
        now=$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits --id="${DEVICE#cuda:}" 2>/dev/null || echo 0)
        if [ "$now" -gt "$most" ]; then most=$now; fi
        sleep 0.5
    done
    echo "$most"
}

# Times `$3…`, whose last line is JSON with the milliseconds of steps under $2, and tells it as $1.
timed() {
    local what=$1 key=$2 memory
    shift 2
    "$@" >"$PLACE/timed" 2>"$PLACE/timed.log" &
    memory=$(gpu_memory $!)
    if ! wait $!; then
        report "$what" "$(tail -n 1 "$PLACE/timed.log")" 1
        return
    fi
    "$PYTHON" -c '
import json, statistics, sys
said = json.loads(sys.stdin.read().strip().splitlines()[-1])
steps = [sum(step) if isinstance(step, list) else step for step in said[sys.argv[2]]]
waits = said.get("wait_ms") or [step[0] for step in said["parts_ms"]]
times = " | ".join(f"{it:.1f}" for it in (said["flowing_ms"], statistics.median(steps), statistics.median(waits)))
reads = said.get("device_reads"), said.get("pinned_allocations")
print(f"| {sys.argv[1]} | {times} | {sys.argv[3]} | {reads[0]} | {reads[1]} |")
sys.exit(any(reads))
' "$what" "$key" "$memory" <"$PLACE/timed" || failed=1
}

time_steps() {
    local model kind options way
    for model in cnn wrn; do
        for kind in "f32 --tf32=false" "TF32" "bf16 --precision=bf16"; do
            for way in joint split; do
                read -r kind options <<<"$kind"
                # shellcheck disable=SC2086
                timed "fixmatch, $model, $way, $kind" parts_ms "$PROGRAMS/fixmatch-worker" bench --device "$DEVICE" --model $model \
                    --way "$way, all" --steps "$STEPS" $options
            done
        done
        if "$PYTHON" -c 'import torch, numpy, PIL' 2>/dev/null; then
            for options in "" "--tuned" "--tuned --bf16"; do
                # shellcheck disable=SC2086
                timed "PyTorch, $model, as written $options" step_ms "$PYTHON" "$ROOT/benches/peer.py" --device "$DEVICE" \
                    --model $model --steps "$STEPS" $options
            done
        fi
    done
}

"$PROGRAMS/fixmatch-worker" --version
nvidia-smi -L 2>/dev/null || echo "no nvidia-smi"
echo "device: $DEVICE, $(nproc) cores"
printf '\n| what | number | as it should be |\n|---|---|---|\n'
check_steps
check_bits
printf '\n| a step, B = 64, μ = 7 | ms, flowing | ms, by itself | of it waiting for images | MiB of the GPU | reads | pinned |\n|---|---|---|---|---|---|---|\n'
time_steps
exit $failed
