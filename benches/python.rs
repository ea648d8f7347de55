//! The Python that benchmarks and tests compare with: `$FIXMATCH_PYTHON`, else the one that `make bench-setup` makes.

use std::path::PathBuf;
use std::process::Command;

/// That Python, if there is one with these modules.
pub fn with(modules: &[&str]) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let made = cache.map(|cache| cache.join("fixmatch/python/bin/python"));
    let python = std::env::var_os("FIXMATCH_PYTHON").map(PathBuf::from).or(made)?;
    // Looks for the modules, without the seconds that it takes to import torch.
    let code = "import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))";
    let found = Command::new(&python).args(["-c", code]).args(modules).output();
    found.is_ok_and(|output| output.status.success()).then_some(python)
}
