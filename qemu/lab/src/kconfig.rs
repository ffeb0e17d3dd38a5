// SPDX-License-Identifier: GPL-2.0
//! Kernel configurations: read, compared, checked against a fragment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Options that are set, with their values; what is not set is absent.
pub type Options = BTreeMap<String, String>;

pub fn read(path: &Path) -> Result<Options> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(parse(&text))
}

pub fn parse(text: &str) -> Options {
    text.lines()
        .filter(|line| line.starts_with("CONFIG_"))
        .filter_map(|line| line.split_once('='))
        .filter(|(_, value)| *value != "n")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Names of the options that two configurations set differently.
pub fn differences(a: &Options, b: &Options) -> BTreeSet<String> {
    a.keys()
        .chain(b.keys())
        .filter(|name| a.get(*name) != b.get(*name))
        .cloned()
        .collect()
}

/// Lines of a fragment that do not hold in a configuration: an option that kconfig dropped silently.
pub fn unmet(fragment: &str, options: &Options) -> Vec<String> {
    fragment
        .lines()
        .filter(|line| line.starts_with("CONFIG_"))
        .filter(|line| match line.split_once('=') {
            Some((name, "n")) => options.contains_key(name),
            Some((name, value)) => options.get(name).map(String::as_str) != Some(value),
            None => true,
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_and_n_are_unset() {
        let options = parse("# CONFIG_A is not set\nCONFIG_B=n\nCONFIG_C=y\nCONFIG_D=\"x=y\"\n");
        assert_eq!(options.keys().collect::<Vec<_>>(), ["CONFIG_C", "CONFIG_D"]);
        assert_eq!(options["CONFIG_D"], "\"x=y\"");
    }

    #[test]
    fn an_option_that_one_side_lacks_differs() {
        let (a, b) = (
            parse("CONFIG_A=y\nCONFIG_B=m\n"),
            parse("CONFIG_B=y\nCONFIG_A=y\nCONFIG_C=1\n"),
        );
        assert_eq!(
            differences(&a, &b).into_iter().collect::<Vec<_>>(),
            ["CONFIG_B", "CONFIG_C"]
        );
        assert!(differences(&a, &a).is_empty());
    }

    #[test]
    fn a_dropped_line_of_a_fragment_is_reported() {
        let options = parse("CONFIG_A=y\nCONFIG_N=8\n");
        assert_eq!(
            unmet("# x\nCONFIG_A=y\nCONFIG_N=8\nCONFIG_Z=n\n", &options),
            Vec::<String>::new()
        );
        assert_eq!(
            unmet("CONFIG_A=n\nCONFIG_N=9\nCONFIG_M=y\n", &options),
            ["CONFIG_A=n", "CONFIG_N=9", "CONFIG_M=y"]
        );
    }
}
