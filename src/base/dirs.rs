//! Where fixmatch keeps things: an environment variable if set, else the XDG directory.
//!
//! The same in every command, so that a new connection from another folder finds the same data and runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use etcetera::base_strategy::{BaseStrategy as _, Xdg};

/// Data sets: `$FIXMATCH_DATA`, else `fixmatch` in the XDG data directory (`~/.local/share`).
pub fn data_dir() -> Result<PathBuf> {
    from_env_or("FIXMATCH_DATA", |xdg| xdg.data_dir().join("fixmatch"))
}

/// Run directories: `$FIXMATCH_RUNS`, else `fixmatch/runs` in the XDG state directory (`~/.local/state`).
pub fn runs_dir() -> Result<PathBuf> {
    let in_state = |xdg: &Xdg| xdg.state_dir().expect("the XDG layout has a state directory").join("fixmatch/runs");
    from_env_or("FIXMATCH_RUNS", in_state)
}

/// What the console remembers: `$FIXMATCH_STATE`, else `fixmatch` in the XDG state directory.
pub fn state_dir() -> Result<PathBuf> {
    let in_state = |xdg: &Xdg| xdg.state_dir().expect("the XDG layout has a state directory").join("fixmatch");
    from_env_or("FIXMATCH_STATE", in_state)
}

/// Label sets saved under a name: in the state directory.
pub fn label_sets_dir() -> Result<PathBuf> {
    Ok(state_dir()?.join("label-sets"))
}

/// The user's settings: `$FIXMATCH_CONFIG`, else `fixmatch/config.toml` in the XDG configuration directory.
pub fn config_file() -> Result<PathBuf> {
    from_env_or("FIXMATCH_CONFIG", |xdg| xdg.config_dir().join("fixmatch/config.toml"))
}

/// Presets of one's own: `$FIXMATCH_PRESETS`, else `fixmatch/presets` in the XDG configuration directory.
pub fn presets_dir() -> Result<PathBuf> {
    from_env_or("FIXMATCH_PRESETS", |xdg| xdg.config_dir().join("fixmatch/presets"))
}

/// What can be made again: `$FIXMATCH_CACHE`, else `fixmatch` in the XDG cache directory (`~/.cache`).
pub fn cache_dir() -> Result<PathBuf> {
    from_env_or("FIXMATCH_CACHE", |xdg| xdg.cache_dir().join("fixmatch"))
}

/// A path in which a leading `~/` stands for the home directory, as in a shell: for files, options and variables, which no
/// shell reads. An error for `~user`, and where there is no home directory.
pub fn expand_home(path: &Path) -> Result<PathBuf> {
    let mut parts = path.components();
    match parts.next().map(|first| first.as_os_str().to_string_lossy().into_owned()) {
        Some(first) if first == "~" => {
            let home = etcetera::home_dir().with_context(|| format!("{}: set HOME", path.display()))?;
            Ok(home.join(parts.as_path()))
        }
        Some(first) if first.starts_with('~') && !path.exists() => {
            bail!("{}: only ~/ is understood; give the whole path of another user's folder", path.display())
        }
        _ => Ok(path.to_owned()),
    }
}

fn from_env_or(variable: &str, default: impl FnOnce(&Xdg) -> PathBuf) -> Result<PathBuf> {
    if let Some(dir) = non_empty(std::env::var_os(variable)) {
        return expand_home(Path::new(&dir)).with_context(|| format!("in ${variable}"));
    }
    let xdg = Xdg::new().with_context(|| format!("cannot find your home directory: set {variable} or HOME"))?;
    Ok(default(&xdg))
}

fn non_empty(value: Option<OsString>) -> Option<OsString> {
    value.filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(non_empty(Some(OsString::new())), None);
        assert_eq!(non_empty(Some("/data".into())), Some("/data".into()));
    }

    #[test]
    fn a_leading_tilde_is_the_home_directory() {
        let home = etcetera::home_dir().expect("a home");
        let expand = |path: &str| expand_home(Path::new(path));
        for (path, expected) in [
            ("~", home.clone()),
            ("~/", home.clone()),
            ("~/pets/images", home.join("pets/images")),
            ("pets/~", "pets/~".into()),
            ("./~/x", "./~/x".into()),
            ("/data/~x", "/data/~x".into()),
            ("", PathBuf::new()),
        ] {
            assert_eq!(expand(path).expect(path), expected, "{path}");
        }
        let error = expand("~somebody/pets").expect_err("another user's").to_string();
        assert!(error.starts_with("~somebody/pets: only ~/ is understood"), "{error}");
    }

    #[test]
    fn without_a_variable_the_xdg_directory_is_used() {
        let dir = from_env_or("FIXMATCH_NO_SUCH_VARIABLE", |xdg| xdg.data_dir().join("fixmatch")).expect("a home");
        assert!(dir.ends_with("fixmatch") && dir.is_absolute(), "{}", dir.display());
    }
}
