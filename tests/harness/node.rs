//! The clients from the npm registry: scripts in `tests/node`, each for one client.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

/// How long a script may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs `tests/node/<script>` with its arguments, and returns what it printed. It has to end well.
pub(crate) async fn node(script: &str, arguments: &[&str]) -> String {
    node_with(script, arguments, &[]).await
}

/// With something in its environment.
pub(crate) async fn node_with(
    script: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node");
    assert!(
        directory.join("node_modules").exists(),
        "the clients are not installed: `tests/run` does it, or `npm ci` in tests/node"
    );
    let output = Command::new("node")
        .arg(PathBuf::from(script))
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(directory)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, output).await;
    let output = output
        .unwrap_or_else(|_| panic!("{script} does not end"))
        .expect("node runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stdout);
    assert!(
        output.status.success(),
        "{script}: {}\n{printed}{}",
        output.status,
        text(&output.stderr)
    );
    printed
}
