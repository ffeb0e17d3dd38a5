// SPDX-License-Identifier: GPL-2.0

//! The chain of hooks: asked in order, the first refusal wins.

use super::{
    context::{Context, Message, Object},
    engine::Engine,
    foreign,
    Hook,
    Operation,
    Verdict, //
};
use crate::{
    bindings::hook::{self, Foreign, Registry, Slot},
    net::{file::FileRef, once::Once}, //
};
use core::{
    cell::Cell,
    sync::atomic::{
        AtomicU32,
        Ordering::{Acquire, Relaxed, Release}, //
    }, //
};
use kernel::{prelude::*, sync::Arc};

/// The hooks that are part of the module, if it was loaded so: they are asked first.
/// Nothing of theirs outlives the module, so that nobody who asks them must hold
/// them.
static BUILTIN: Once<&'static [&'static dyn Hook]> = Once::new();

/// What else is loaded, if anything is.
static LOADED: Slot<Loaded> = Slot::new();

/// The operations that any hook wants to be asked about, a bit for each. While
/// what is loaded is replaced, those of both. Rust alone uses it, as the counters
/// of the queues: an access of the kernel crate's atomics is a call.
static WANTED: AtomicU32 = AtomicU32::new(0);

/// The hooks, in the order in which they are asked.
pub(super) struct Loaded {
    pub(super) rules: Option<Arc<Engine>>,
    foreign: KVec<Arc<Foreign>>,
}

impl Loaded {
    /// A copy of what is loaded. Sleeps.
    fn of(old: Option<&Self>) -> Result<Self> {
        let mut new = Self {
            rules: None,
            foreign: KVec::new(),
        };
        if let Some(old) = old {
            new.rules = old.rules.clone();
            // One that is retired had to stay when there was no memory.
            for hook in old.foreign.iter().filter(|hook| hook.id() != 0) {
                new.foreign.push(hook.clone(), GFP_KERNEL)?;
            }
        }
        Ok(new)
    }

    /// Itself, unless it is empty.
    fn boxed(self) -> Result<Option<KBox<Self>>> {
        let is_empty = self.rules.is_none() && self.foreign.is_empty();
        Ok(match is_empty {
            true => None,
            false => Some(KBox::new(self, GFP_KERNEL)?),
        })
    }

    fn wanted(&self) -> u32 {
        let rules = self.rules.iter().map(|rules| rules.operations());
        let foreign = self.foreign.iter().map(|hook| hook.operations());
        Iterator::chain(rules, foreign).fold(builtin_wanted(), |all, one| all | one)
    }

    #[inline(always)]
    fn ask(&self, operation: Operation, cx: &Context<'_>, file: Option<&FileRef>) -> Verdict {
        let mut verdict = Verdict::Allow;
        if let Some(rules) = &self.rules {
            verdict = super::ask(&**rules, operation, cx, cx.message(), file);
        }
        for hook in &self.foreign {
            if verdict != Verdict::Allow {
                break;
            }
            verdict = super::ask(&**hook, operation, cx, cx.message(), file);
        }
        verdict
    }
}

/// What the hooks want to be asked about that are part of the module.
fn builtin_wanted() -> u32 {
    let hooks = BUILTIN.as_ref().into_iter().flat_map(|hooks| hooks.iter());
    hooks.fold(0, |all, hook| all | hook.operations())
}

/// What the first of `hooks` says that does not allow.
#[inline(always)]
fn first(
    hooks: &[&dyn Hook],
    operation: Operation,
    cx: &Context<'_>,
    message: Option<&Message<'_>>,
    file: Option<&FileRef>,
) -> Verdict {
    match hooks {
        [hook] => super::ask(*hook, operation, cx, message, file),
        _ => first_of_many(hooks, operation, cx, message, file),
    }
}

/// As [`first`]: by itself, so that one hook alone takes no loop.
#[cold]
fn first_of_many(
    hooks: &[&dyn Hook],
    operation: Operation,
    cx: &Context<'_>,
    message: Option<&Message<'_>>,
    file: Option<&FileRef>,
) -> Verdict {
    let ask = |hook: &&dyn Hook| super::ask(*hook, operation, cx, message, file);
    let mut verdicts = hooks.iter().map(ask);
    let refused = verdicts.find(|verdict| *verdict != Verdict::Allow);
    refused.unwrap_or(Verdict::Allow)
}

/// Has the hooks asked about these operations, and about no others. Sleeps.
fn set_wanted(operations: u32) {
    let (send, receive) = (Operation::Sendmsg.bit(), Operation::Recvmsg.bit());
    let has = |bits: u16| operations & u32::from(bits) != 0;
    WANTED.store(operations, Release);
    hook::set_asked(has(send), has(receive), has(!(send | receive)));
}

/// Changes what is loaded; `told` is told when that is done, in the order of the
/// changes. Sleeps.
///
/// # Errors
///
/// What `change` returns, and `ENOMEM`; nothing is changed or told then.
pub(super) fn change(change: impl FnOnce(&mut Loaded) -> Result, told: impl FnOnce()) -> Result {
    let wanted = Cell::new(0);
    LOADED.change(
        |old| {
            let mut new = Loaded::of(old)?;
            change(&mut new)?;
            wanted.set(new.wanted());
            let new = new.boxed()?;
            // Nothing fails from here.
            set_wanted(WANTED.load(Relaxed) | wanted.get());
            Ok(new)
        },
        || {
            set_wanted(wanted.get());
            told();
        },
    )
}

/// Shows `see` the rules that are loaded. Sleeps.
pub(super) fn with_rules<R>(see: impl FnOnce(Option<&Engine>) -> R) -> R {
    let loaded = LOADED.read();
    let rules = loaded.get().and_then(|loaded| loaded.rules.as_deref());
    see(rules)
}

/// Loads hooks that are part of the module: once, before anybody asks.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn load(builtin: &'static [&'static dyn Hook]) -> Result {
    BUILTIN.populate(builtin);
    change(|_| Ok(()), || ())
}

/// Has other modules find this, and unloads all when it is dropped.
pub(crate) struct Opened(());

impl Opened {
    /// Once, before anybody else can find the module.
    pub(crate) fn new() -> Self {
        hook::open::<Self>();
        Self(())
    }
}

impl Registry for Opened {
    fn add(hook: Foreign) -> Result {
        let hook = Arc::new(hook, GFP_KERNEL)?;
        let push = |loaded: &mut Loaded| {
            if loaded.foreign.iter().any(|other| other.id() == hook.id()) {
                return Err(EEXIST);
            }
            Ok(loaded.foreign.push(hook, GFP_KERNEL)?)
        };
        change(push, || ())
    }

    fn remove(id: usize) {
        let find = |loaded: &Loaded| {
            let mut found = loaded.foreign.iter().filter(|hook| hook.id() == id);
            found.find_map(|hook| hook.retire())
        };
        let retired = LOADED.read().get().and_then(find);
        if retired.is_some() {
            // This fails without memory. Then the hook's place stays until the chain
            // is changed next, and there is nothing in it to ask.
            let _ = change(|_| Ok(()), || ());
        }
        // Waits for who asks it now.
        drop(retired);
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // Nobody else is there any more: this cannot fail.
        let _ = LOADED.change(|_| Ok(None), || set_wanted(0));
    }
}

/// Whether any hook wants to be asked about `operation`: a branch that is patched
/// out when there is none.
#[inline(always)]
pub(crate) fn is_asked(operation: Operation) -> bool {
    match operation {
        Operation::Sendmsg => hook::are_asked_to_send(),
        Operation::Recvmsg => hook::are_asked_to_receive(),
        _ => hook::are_asked_otherwise() && WANTED.load(Acquire) & u32::from(operation.bit()) != 0,
    }
}

/// What [`check`] may return for a message that is to be dropped: no hook refuses
/// with that.
pub(crate) const DROPPED: Error = EBADTYPE;

fn ask_loaded(operation: Operation, cx: &Context<'_>, file: Option<&FileRef>) -> Verdict {
    match LOADED.read().get() {
        Some(loaded) => loaded.ask(operation, cx, file),
        None => Verdict::Allow,
    }
}

/// Asks the loaded hooks about an operation on `object`. Sleeps.
///
/// # Errors
///
/// The error of the first hook that refuses; `dropped` if it wants that dropped.
#[inline(always)]
pub(crate) fn check(
    operation: Operation,
    object: &dyn Object,
    message: Option<&Message<'_>>,
    file: Option<&FileRef>,
    dropped: Error,
) -> Result {
    let cx = Context::new(object, message);
    let mut verdict = match BUILTIN.as_ref() {
        Some(hooks) => first(hooks, operation, &cx, message, file),
        None => Verdict::Allow,
    };
    if verdict == Verdict::Allow && !LOADED.is_empty() {
        verdict = ask_loaded(operation, &cx, file);
    }
    match verdict {
        Verdict::Allow => Ok(()),
        Verdict::Deny(error) => Err(foreign::final_error(error)),
        Verdict::Drop => Err(dropped),
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(qsock_policy_chain)]
mod tests {
    use super::*;
    use crate::{net::msg::MsgFlags, policy::context::tests::Nothing};

    struct Refuse(Error);

    impl Hook for Refuse {
        fn sendmsg(&self, _cx: &Context<'_>, _message: &Message<'_>) -> Verdict {
            Verdict::Deny(self.0)
        }
    }

    struct Allow;

    impl Hook for Allow {}

    static ALLOW: Allow = Allow;
    static PERM: Refuse = Refuse(EPERM);
    static ACCES: Refuse = Refuse(EACCES);

    static ALLOWS: [&dyn Hook; 2] = [&ALLOW, &ALLOW];
    static ACCES_FIRST: [&dyn Hook; 3] = [&ALLOW, &ACCES, &PERM];
    static PERM_FIRST: [&dyn Hook; 2] = [&PERM, &ACCES];

    fn ask(hooks: &[&dyn Hook], operation: Operation) -> Verdict {
        let message = Message::new([b"abc", b"def"], MsgFlags::default(), 0);
        let cx = Context::new(&Nothing, Some(&message));
        first(hooks, operation, &cx, Some(&message), None)
    }

    #[test]
    fn the_first_refusal_wins() {
        let send = Operation::Sendmsg;
        assert!(ask(&[], send) == Verdict::Allow);
        assert!(ask(&ALLOWS, send) == Verdict::Allow);
        assert!(ask(&ACCES_FIRST, send) == Verdict::Deny(EACCES));
        assert!(ask(&PERM_FIRST, send) == Verdict::Deny(EPERM));
    }

    #[test]
    fn a_hook_allows_what_it_does_not_know() {
        for operation in [Operation::Recvmsg, Operation::Bind, Operation::Shutdown] {
            assert!(ask(&PERM_FIRST, operation) == Verdict::Allow);
        }
    }
}
