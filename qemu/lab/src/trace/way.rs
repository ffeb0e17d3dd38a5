// SPDX-License-Identifier: GPL-2.0
//! The way of one message: which stages its two calls passed, and what says that it passed them by.

use std::collections::BTreeSet;

use super::graph::Node;
use super::places::{Places, Source};
use super::{stage, Type};

/// A branch of a static key in a function that was passed.
#[derive(Debug, PartialEq)]
pub struct Branch {
    /// The function that it is in.
    pub name: String,
    pub place: String,
    pub stage: &'static str,
    /// The instruction there, in hexadecimal.
    pub text: String,
}

impl Branch {
    /// The branch at a place.
    pub fn new(places: &Places, id: usize, text: &str) -> Option<Branch> {
        let place = places.list.get(id)?;
        let stage = |source: &Source| stage::of(&source.file, &source.name);
        Some(Branch {
            name: place.source.name.clone(),
            place: format!("{}:{}", place.source.file, place.source.line),
            // What an inlined function calls, the branch's own macro most of all, belongs to its stage.
            stage: places
                .around(place)
                .into_iter()
                .find_map(stage)
                .unwrap_or(""),
            text: text.into(),
        })
    }

    /// Whether nothing is there but an instruction that does nothing.
    pub fn is_patched_out(&self) -> bool {
        // x86's of five and two bytes; arm64's.
        ["0f1f440000", "6690", "1f2003d5"]
            .iter()
            .any(|nop| self.text.starts_with(nop))
    }
}

/// One message's two calls.
pub struct Way {
    pub family: &'static str,
    pub kind: Type,
    pub calls: [(&'static str, Node); 2],
    pub branches: Vec<Branch>,
    /// What the guest says of its own work.
    pub notes: Vec<String>,
}

/// The stage of the policy, and where its code is.
const POLICY: (&str, &str) = ("policy hook", "src/policy/");

impl Way {
    /// The stages that a call passed. Those of the policy and of waking were passed where one of their functions was
    /// called: the question whether there is any, or anybody, is inlined into every call.
    fn passed(&self, call: usize) -> BTreeSet<&'static str> {
        let all = self.calls[call].1.all();
        let counts = |node: &&&Node| match node.stage {
            stage if stage == POLICY.0 => node.file.starts_with(POLICY.1) && !node.inlined,
            "wake-up" => node.file.starts_with("kernel/") && !node.inlined,
            _ => true,
        };
        all.iter().filter(counts).map(|node| node.stage).collect()
    }

    /// What is wrong with a call: stages that it did not pass and has. AF_UNIX has no policy and no transport. Of the
    /// transport, which says which queue and who may use it, the compiler may leave no instruction in one of the calls.
    pub fn fault(&self, call: usize, hook: bool) -> Option<String> {
        let is_unix = self.family == "AF_UNIX";
        let has = |stage: &&str| match *stage {
            _ if is_unix => !stage::QSOCK_ONLY.contains(stage),
            "transport" => {
                let either = |call| self.passed(call).contains("transport");
                !(either(0) || either(1))
            }
            stage => hook || stage != POLICY.0,
        };
        let (name, passed) = (self.calls[call].0, self.passed(call));
        let wanted = stage::ALL.iter().copied().filter(has);
        let missing: Vec<_> = wanted.filter(|s| !passed.contains(s)).collect();
        let call = format!("{name} of {}, {}", self.family, self.kind.name());
        if !missing.is_empty() {
            return Some(format!("{call}, did not pass: {}", missing.join(", ")));
        }
        let asked = !is_unix && !hook && passed.contains(POLICY.0);
        asked.then(|| format!("{call}, asked a hook, and none is loaded"))
    }

    /// What is wrong with both.
    pub fn faults(&self, hook: bool) -> Vec<String> {
        (0..2).filter_map(|call| self.fault(call, hook)).collect()
    }

    /// What is known of a call's stages, as lines.
    pub fn told(&self, call: usize) -> Vec<String> {
        let passed = self.passed(call);
        let list = |passes: bool| {
            let stages = stage::ALL.iter().copied();
            let stages: Vec<_> = stages.filter(|s| passed.contains(s) == passes).collect();
            stages.join(", ")
        };
        let (name, tree) = &self.calls[call];
        let mut lines = vec![format!(
            "{name}, {}: passed {}; not passed: {}",
            self.family,
            list(true),
            match list(false) {
                none if none.is_empty() => "none".into(),
                some => some,
            }
        )];
        if self.family == "AF_UNIX" {
            return lines;
        }
        if !passed.contains(POLICY.0) {
            let question = tree.all().into_iter().find(|node| node.stage == POLICY.0);
            lines.push(match question {
                Some(node) => format!(
                    "  no function of {} was called; the question whether to is inlined: {}:{}",
                    POLICY.1, node.file, node.line
                ),
                None => format!("  nothing of {} ran", POLICY.1),
            });
        }
        if !passed.contains("transport") {
            lines.push("  no instruction of src/transport/ ran".into());
        }
        lines
    }

    /// What the guest says of its own work, and of the branches in the functions that the two calls passed.
    pub fn remarks(&self) -> Vec<String> {
        let note = |note: &String| format!("probes: {note}");
        let branch = |branch: &Branch| {
            let state = if branch.is_patched_out() { "out" } else { "in" };
            format!(
                "branch patched {state} ({}): {}, in {}, {}",
                branch.text,
                branch.stage,
                super::show::short(&branch.name),
                branch.place,
            )
        };
        let notes = self.notes.iter().map(note);
        notes.chain(self.branches.iter().map(branch)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(stage: &'static str, file: &str, inlined: bool) -> Node {
        Node {
            stage,
            file: file.into(),
            inlined,
            ..Node::default()
        }
    }

    fn way(kind: Type, without: &str, asked: bool) -> Way {
        let tree = || {
            let stages = stage::ALL.iter().filter(|s| **s != without);
            let of = |s: &&'static str| match *s {
                "wake-up" => node(s, "kernel/sched/wait.c", false),
                _ => node(s, "src/policy/chain.rs", *s == POLICY.0 && !asked),
            };
            Node {
                children: stages.map(of).collect(),
                ..node("entry", "", false)
            }
        };
        Way {
            family: "AF_QSOCK",
            kind,
            calls: [("send", tree()), ("recv", tree())],
            branches: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_stage_that_was_not_passed_is_missing() {
        assert!(way(Type::Stream, "", true).faults(true).is_empty());
        for kind in Type::ALL {
            for stage in ["queue", "transport", "wake-up", "policy hook"] {
                assert_eq!(way(kind, stage, true).faults(true).len(), 2);
            }
        }
    }

    #[test]
    fn who_looks_for_a_sleeper_wakes_nobody() {
        for (file, inlined) in [("src/net/notify.rs", true), ("src/net/wait.rs", false)] {
            let mut way = way(Type::Stream, "wake-up", true);
            for call in &mut way.calls {
                call.1.children.push(node("wake-up", file, inlined));
            }
            assert_eq!(way.faults(true).len(), 2);
        }
    }

    #[test]
    fn one_call_can_do_without_the_transport() {
        let mut way = way(Type::Seqpacket, "", true);
        for node in &mut way.calls[0].1.children {
            if node.stage == "transport" {
                node.stage = "queue";
            }
        }
        assert!(way.faults(true).is_empty());
    }

    #[test]
    fn who_is_not_asked_is_not_passed() {
        assert_eq!(way(Type::Stream, "", false).faults(true).len(), 2);
        assert!(way(Type::Stream, "", false).faults(false).is_empty());
        assert_eq!(way(Type::Stream, "", true).faults(false).len(), 2);
    }

    #[test]
    fn branches_are_read() {
        let is_patched_out = |text: &str| {
            let (name, place, text) = (String::new(), String::new(), text.to_string());
            Branch {
                name,
                place,
                stage: "",
                text,
            }
            .is_patched_out()
        };
        assert!(is_patched_out("0f1f440000") && is_patched_out("1f2003d513"));
        assert!(!is_patched_out("e912000000") && !is_patched_out("0400001400"));
    }
}
