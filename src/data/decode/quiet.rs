//! Panics of a decoder over odd bytes: they are one file's fault, so they are caught, and nothing of them is printed.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What `work` returns, or none if it panics. Panics of other threads are told as ever.
pub fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let tell = take_hook();
        set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                tell(info);
            }
        }));
    });
    let was_quiet = IS_QUIET.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    IS_QUIET.set(was_quiet);
    done
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_panic_that_is_caught_prints_nothing_and_the_next_one_does() {
        const CHILD: &str = "FIXMATCH_TEST_OF_PANICS";
        if env::var_os(CHILD).is_some() {
            assert_eq!((catch(|| 3), catch(|| panic!("a decoder's panic"))), (Some(3), None));
            panic!("another panic");
        }
        let mut command = Command::new(env::current_exe().expect("this program"));
        let name = "data::decode::quiet::tests::a_panic_that_is_caught_prints_nothing_and_the_next_one_does";
        let output = command.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().expect("runs");
        let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(printed.contains("another panic") && !printed.contains("a decoder's panic"), "{printed}");
    }
}
