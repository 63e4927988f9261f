//! A throw-away PostgreSQL for this test process: started by the first test that needs it, gone
//! when the process is (`postgres.sh` watches over that). Or one for a test that stops it, or
//! changes its settings.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use tokio::task::block_in_place;

pub(crate) struct Cluster {
    pub(crate) port: u16,
    shell: Mutex<Shell>,
}

/// What watches over a cluster. Its standard input stays open as long as the cluster is wanted.
struct Shell {
    /// None once the shell is to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    process: Child,
}

impl Cluster {
    /// # Panics
    /// Where PostgreSQL is missing or does not start; tests never skip.
    pub(crate) fn get() -> &'static Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        CLUSTER.get_or_init(Self::own)
    }

    /// One for this test alone; gone when it is dropped.
    pub(crate) fn own() -> Self {
        // The free port may be taken by another program between the look and the start.
        (1..3)
            .find_map(|_| Self::start().ok())
            .unwrap_or_else(|| Self::start().unwrap_or_else(|message| panic!("{message}")))
    }

    /// Runs a line of shell in the cluster's directory, as its owner: `$dir` has it in `data`, and
    /// PostgreSQL's programs are on the PATH. What it prints.
    pub(crate) fn run(&self, command: &str) -> String {
        block_in_place(|| {
            let mut shell = self.shell.lock().expect("nobody panics here");
            let input = shell.input.as_mut().expect("it goes on");
            writeln!(input, "{command}").expect("the shell reads");
            let mut said = String::new();
            loop {
                let mut line = String::new();
                let read = shell.output.read_line(&mut line);
                assert!(read.is_ok_and(|read| read > 0), "the shell is gone: {said}");
                match line.trim_end().strip_prefix("status ") {
                    Some("0") => return said,
                    Some(status) => panic!("{command}: {status}\n{said}"),
                    None => said.push_str(&line),
                }
            }
        })
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    /// `user` may be `name:password`; the role `with_password` has the password `right`.
    pub(crate) fn url_as(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    fn start() -> Result<Self, String> {
        let programs = programs().expect(
            "these tests need a PostgreSQL server on this machine: apt-get install postgresql",
        );
        let port = free_port();
        let mut command = as_somebody();
        command.args(["sh", "-c", include_str!("postgres.sh"), "sh"]);
        command.arg(programs).arg(port.to_string());
        let mut watchdog = command
            .current_dir("/")
            // Out of reach of the terminal's ^C: it must outlive this process, for a moment.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {command:?}: {error}"))?;
        let mut said = String::new();
        let input = watchdog.stdin.take().expect("a pipe");
        let mut output = BufReader::new(watchdog.stdout.take().expect("a pipe"));
        output.read_line(&mut said).expect("UTF-8 from the shell");
        if said == "ready\n" {
            let shell = Mutex::new(Shell {
                input: Some(input),
                output,
                process: watchdog,
            });
            return Ok(Self { port, shell });
        }
        let mut errors = String::new();
        let _ = watchdog
            .stderr
            .take()
            .expect("a pipe")
            .read_to_string(&mut errors);
        Err(format!("PostgreSQL did not start:\n{errors}"))
    }
}

impl Drop for Cluster {
    /// Waits until it is gone.
    fn drop(&mut self) {
        let Ok(shell) = self.shell.get_mut() else {
            return;
        };
        shell.input = None;
        let _ = shell.process.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0");
    let address = listener.and_then(|listener| listener.local_addr());
    address.expect("a free port").port()
}

/// PostgreSQL refuses to run as root: there it runs as the user that its package made.
fn as_somebody() -> Command {
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let mut command = Command::new(if root { "setpriv" } else { "env" });
    if root {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command
}

/// The directory that has `initdb` and its companions: Debian's newest, or one on the PATH.
fn programs() -> Option<PathBuf> {
    let version = |path: &Path| -> Option<u32> { path.file_name()?.to_str()?.parse().ok() };
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    debian.sort_by_key(|path| version(path));
    let path = env::var_os("PATH").unwrap_or_default();
    debian
        .iter()
        .rev()
        .map(|path| path.join("bin"))
        .chain(env::split_paths(&path))
        .find(|dir| {
            ["initdb", "pg_ctl", "postgres"]
                .iter()
                .all(|program| dir.join(program).exists())
        })
}
