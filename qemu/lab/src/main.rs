// SPDX-License-Identifier: GPL-2.0
//! `lab`: what qsock's make targets run inside the build root.
//!
//! One module per subject; each subcommand's arguments and code stand in its own module, and this file only dispatches.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod artifacts;

#[derive(Parser)]
#[command(name = "lab", about = "Kernels, guests and tests of qsock")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// One line here and one in `main` per subcommand: `Run(guest::Args)` and `Command::Run(args) => guest::main(args)`,
// where `guest::Args` derives `clap::Args` and `guest::main` returns `anyhow::Result<ExitCode>`.
#[derive(Subcommand)]
enum Command {
    /// Print the make variables of an architecture
    Vars(artifacts::VarsArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Vars(args) => artifacts::vars(args),
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
