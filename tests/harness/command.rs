//! `repairshop` as a newcomer's shell runs it: the built program, in an empty directory, with
//! nothing in its environment but what the test puts there.

use std::{
    env,
    io::{BufRead, BufReader, pipe},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use tempfile::TempDir;

pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs it to its end.
pub(crate) fn repairshop(arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let (mut command, _dir) = command(arguments, environment);
    let output = command.output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8 from the program");
    Outcome {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> (Command, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_repairshop"));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .envs(environment.iter().copied())
        .current_dir(dir.path())
        .stdin(Stdio::null());
    (command, dir)
}

/// A running `repairshop serve` on a free port; killed when dropped.
pub(crate) struct Serving {
    /// Of the GraphQL endpoint.
    pub(crate) url: String,
    child: Child,
    lines: Receiver<String>,
    _dir: TempDir,
}

impl Serving {
    /// Returns once the program has printed its address.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        let (mut command, dir) = command(&["serve", "--listen", "127.0.0.1:0"], environment);
        let (output, input) = pipe().expect("a pipe");
        let child = command
            .stdout(input.try_clone().expect("a second end"))
            .stderr(input)
            .spawn()
            .expect("the program runs");
        drop(command); // It holds the pipe's writing end open.
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut serving = Self {
            url: String::new(),
            child,
            lines,
            _dir: dir,
        };
        let line = serving.line_with("http://127.0.0.1:");
        let (_, rest) = line
            .split_once("http://127.0.0.1:")
            .expect("the line has it");
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        serving.url = format!("http://127.0.0.1:{port}/graphql");
        serving
    }

    /// The next line of its output that has `needle`.
    pub(crate) fn line_with(&self, needle: &str) -> String {
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(30)) {
            if line.contains(needle) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with {needle:?} but:\n{}", seen.join("\n"));
    }

    /// Ends it, and returns the lines that it printed since.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.kill();
        self.lines.iter().collect()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}
