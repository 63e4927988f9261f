//! The built programs as a newcomer's shell runs them: in a directory of their own, with nothing in
//! their environment but what the test puts there.

use std::{
    env, fs,
    io::{BufRead, BufReader, pipe},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// `repairshop`, built by who runs the tests.
const REPAIRSHOP: &str = env!("CARGO_BIN_EXE_repairshop");

/// How long a program may take for what it is asked.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// What was printed by a program that must have gone well.
    pub(crate) fn success(self) -> String {
        assert_eq!(self.status, Some(0), "{}", self.stderr);
        self.stdout
    }
}

/// Runs it to its end, in an empty directory.
pub(crate) fn repairshop(arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    Directory::new().run(arguments, environment)
}

/// A directory for programs to run in; removed when dropped.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.file(name);
        fs::create_dir_all(file.parent().expect("its directory")).expect("its directory");
        fs::write(file, text).expect("a file in the temporary directory");
    }

    /// Runs `repairshop` to its end.
    pub(crate) fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
        self.run_program(Path::new(REPAIRSHOP), arguments, environment)
    }

    /// Runs the migrations' own program to its end: `cargo run -p migration -- …`.
    pub(crate) fn migration(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
        self.run_program(migration(), arguments, environment)
    }

    fn run_program(
        &self,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Outcome {
        let mut command = self.command(program, arguments, environment);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("the program runs");
        let id = child.id();
        let (ended, wait) = channel::<()>();
        thread::spawn(move || {
            // One that should have ended and serves instead would keep the test waiting for ever.
            if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                signal("KILL", id);
            }
        });
        let output = child.wait_with_output().expect("its output");
        drop(ended);
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8 from the program");
        Outcome {
            status: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Runs `repairshop` until it has printed where it serves.
    pub(crate) fn serve(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Serving {
        let mut command = self.command(Path::new(REPAIRSHOP), arguments, environment);
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
        let mut serving = Serving {
            url: String::new(),
            greeting: Vec::new(),
            child,
            lines,
            directory: None,
        };
        let served_at = "GraphQL is served at ";
        serving.greeting = serving.lines_until(served_at);
        let line = serving.greeting.last().map_or("", String::as_str);
        serving.url = line.replacen(served_at, "", 1);
        serving
    }

    fn command(&self, program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .envs(environment.iter().copied())
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
    }
}

fn signal(name: &str, process: u32) {
    let kill = format!("kill -{name} {process}");
    let sent = Command::new("sh").args(["-c", &kill]).status();
    assert!(sent.expect("a shell").success());
}

/// The migrations' own program. Cargo builds no program of another package for a test; it is built
/// here, with the whole workspace, so that the libraries are those that the tests were built with
/// and only a link is left to do. Cargo holds no lock while it runs tests.
fn migration() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let target = Path::new(REPAIRSHOP).ancestors().nth(2);
        let target = target.expect("the program is in target/debug");
        let mut build = cargo();
        let status = build
            .args(["build", "--quiet", "--locked", "--workspace"])
            .arg("--target-dir")
            .arg(target)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .status();
        assert!(status.expect("cargo runs").success(), "it does not build");
        target.join("debug/migration")
    })
}

/// Cargo, as who runs the tests would call it. What it tells a test of its package would look like a
/// change to the build scripts that watch these variables, and build half of the libraries again.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let of_the_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"];
        if of_the_package.iter().any(|it| text.starts_with(it)) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// A running `repairshop serve`; killed when dropped.
pub(crate) struct Serving {
    /// Of the GraphQL endpoint.
    pub(crate) url: String,
    /// What it printed until then, that line included.
    pub(crate) greeting: Vec<String>,
    child: Child,
    lines: Receiver<String>,
    /// Where nobody else keeps it.
    directory: Option<Directory>,
}

impl Serving {
    /// On a free port, in an empty directory.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        let directory = Directory::new();
        let mut serving = directory.serve(&["serve", "--listen", "127.0.0.1:0"], environment);
        serving.directory = Some(directory);
        serving
    }

    /// Keeps the directory that it runs in for as long as it runs.
    pub(crate) fn with(mut self, directory: Directory) -> Self {
        self.directory = Some(directory);
        self
    }

    /// The next line of its output that has `needle`.
    pub(crate) fn line_with(&self, needle: &str) -> String {
        self.lines_until(needle).pop().unwrap_or_default()
    }

    /// The next lines of its output, up to the one that has `needle`.
    pub(crate) fn lines_until(&self, needle: &str) -> Vec<String> {
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            let found = line.contains(needle);
            seen.push(line);
            if found {
                return seen;
            }
        }
        panic!("no line with {needle:?} but:\n{}", seen.join("\n"));
    }

    /// Ends it, and returns the lines that it printed since.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.kill();
        self.lines.iter().collect()
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a running process, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        1024 * kilobytes
            .and_then(|it| it.parse::<usize>().ok())
            .expect("kB")
    }

    /// Asks it to end, as a hosting platform does, and returns its exit status.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        signal("TERM", self.child.id());
        self.child.wait().expect("its status").code()
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
