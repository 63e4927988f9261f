//! A program that serves, from its start to its end.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command},
};

/// A server under test; stopped when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program and waits until it has printed its address.
pub(crate) fn start(command: &mut Command) -> Server {
    let (output, input) = std::io::pipe().expect("a pipe");
    let stderr = input.try_clone().expect("a pipe");
    let child = command
        .stdout(input)
        .stderr(stderr)
        .spawn()
        .expect("the program starts");
    let program = format!("{command:?}");
    // The program's end of the pipe, so that its death is the end of the output.
    *command = Command::new("true");
    let mut lines = BufReader::new(output).lines();
    let mut said = String::new();
    let address = lines.find_map(|line| {
        let line = line.ok()?;
        said += "\n";
        said += &line;
        let (_, rest) = line.split_once("http://")?;
        Some(rest.split(['/', ' ']).next()?.to_owned())
    });
    let address = address.unwrap_or_else(|| panic!("{program} printed no address:{said}"));
    std::thread::spawn(move || lines.for_each(drop));
    Server { child, address }
}
