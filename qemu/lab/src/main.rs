// SPDX-License-Identifier: GPL-2.0
//! `lab`: what qsock's make targets run inside the build root.
//!
//! One module per subject; each subcommand's arguments and code stand in its own module, and this file only dispatches.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod artifacts;
mod bench;
mod built;
mod cache;
mod check;
mod deb;
mod debian;
mod demo;
mod doc;
mod guest;
mod kconfig;
mod kdir;
mod kernel;
mod module;
mod package;
mod progress;
mod suite;
mod tools;
mod trace;
mod um;
mod userland;

#[derive(Parser)]
#[command(name = "lab", about = "Kernels, guests and tests of qsock")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Formatting, lints, room borders, unsafe census and the other rules that hold for every change
    Check(check::Args),
    /// Build the module's rustdoc and print the path of its first page
    Doc,
    /// Prepare the tree of a Debian kernel and print its path
    Kdir(kdir::Args),
    /// Print the path of a kernel image
    Image(artifacts::ImageArgs),
    /// Build qsock-run and its library, and print their folder
    Tools(artifacts::ArchArgs),
    /// Print the folder of the user land that the suite `programs` runs in
    Userland,
    /// Build qsock.ko and the test modules, and print the path of qsock.ko
    Module(module::Args),
    /// Build qsockctl, static, and print its path
    Qsockctl(artifacts::ArchArgs),
    /// Build the Debian packages, ask lintian, and print their paths
    Deb,
    /// Run a command in a guest with the module loaded
    Run(guest::Args),
    /// Move a file through a guest's sockets and show it
    Demo(demo::Args),
    /// Compare the transports, in instructions
    Bench(bench::Args),
    /// Show the way of one message through the kernel
    Trace(trace::Args),
    /// Run the test suites
    Test(suite::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(args) => check::main(args),
        Command::Doc => doc::main(),
        Command::Kdir(args) => kdir::main(args),
        Command::Image(args) => artifacts::print_image(args),
        Command::Tools(args) => tools::main(args),
        Command::Userland => userland::main(),
        Command::Module(args) => module::main(args),
        Command::Qsockctl(args) => artifacts::print_qsockctl(args),
        Command::Deb => package::main(),
        Command::Run(args) => guest::main(args),
        Command::Demo(args) => demo::main(args),
        Command::Bench(args) => bench::main(args),
        Command::Test(args) => suite::main(args),
        Command::Trace(args) => trace::main(args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // One sentence, causes included; the tools' own output is in their logs.
            eprintln!("qsock: {error:#}");
            ExitCode::FAILURE
        }
    }
}
