//! Instances: first installation, start and stop, all by the same programs the pipeline runs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::layout::{Description, Target};
use crate::error::{DemoError, Result};
use crate::process::Handle;
use crate::sources;

/// The oldest major version of Node that runs the shop.
const NODE_NEEDED: u32 = 18;

/// Runs Node with `arguments`, feeding it `input`; gives what it wrote.
async fn node(arguments: &[&str], input: &[u8]) -> Result<String> {
    let missing =
        |source| DemoError::MissingProgram { program: "node".to_owned(), hint: "Node.js 18 or newer", source };
    let mut child = Command::new("node")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that ends without reading says why itself.
        let _closed_early = pipe.write_all(input).await;
    }
    let output = child.wait_with_output().await.map_err(missing)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(DemoError::Command {
        command: format!("node {}", arguments.first().unwrap_or(&"")),
        status: output.status.to_string(),
        output: format!("{}{}", text.trim(), String::from_utf8_lossy(&output.stderr).trim()),
    })
}

/// Makes sure that Node is there and new enough.
///
/// # Errors
/// When it is not.
pub(super) async fn check_node() -> Result<()> {
    let version = node(&["--version"], &[]).await?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major >= NODE_NEEDED => Ok(()),
        _ => Err(DemoError::Invalid(format!(
            "the demo needs Node.js {NODE_NEEDED} or newer; `node --version` says {}",
            version.trim()
        ))),
    }
}

impl Target {
    /// Where the process number of the instance is, and how its command line is known.
    pub(crate) fn handle(&self) -> Handle {
        Handle { pid_file: self.dir.join("instance.pid"), marker: format!("{}/", self.dir.display()) }
    }

    /// Parameters of steps on this target, texts as manifests have them.
    pub fn params(&self, world: &Description) -> Vec<(&'static str, String)> {
        vec![
            ("dir", self.dir.display().to_string()),
            ("port", self.port.to_string()),
            ("pool", self.pool.clone()),
            ("router", world.frontend(&self.environment)),
            ("weight", super::layout::FULL_WEIGHT.to_string()),
        ]
    }

    /// What a step program reads to bring `version` of the service here.
    ///
    /// # Errors
    /// When there is no such artefact.
    pub fn order(&self, world: &Description, operation: &str, key: &str, version: &str) -> Result<Value> {
        let artefact = world
            .artefact(&self.service, version)
            .ok_or_else(|| DemoError::Invalid(format!("there is no artefact of {} {version}", self.service)))?;
        let params: serde_json::Map<String, Value> =
            self.params(world).into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
        Ok(json!({
            "protocol": 1, "operation": operation, "key": key, "attempt": 1,
            "environment": self.environment, "service": self.service, "step": "deploy",
            "target": { "name": self.name, "address": self.address(), "labels": {} },
            "params": params, "expected": {},
            "artifact_path": artefact.file, "artifact_digest": artefact.digest,
        }))
    }
}

/// Runs a step program and gives its result line.
///
/// # Errors
/// When the program is missing, ends with an error, or gives no result.
pub async fn run_step(program: &Path, order: &Value) -> Result<Value> {
    let path = program.display().to_string();
    let text = node(&[&path], order.to_string().as_bytes()).await?;
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["type"] == "result")
        .ok_or_else(|| DemoError::NotStarted { what: path, reason: "the step program gave no result".to_owned() })
}

/// Brings a target up: installs the first version where nothing is installed, starts what is installed otherwise.
///
/// # Errors
/// When the port is taken by another program, or the instance does not become healthy.
pub(super) async fn bring_up(world: &Description, target: &Target) -> Result<()> {
    if target.dir.join("current").join("deployed.json").exists() {
        let params = json!({
            "dir": target.dir, "port": target.port, "service": target.service, "instance": target.name,
            "environment": target.environment, "router": world.frontend(&target.environment),
        });
        let program = world.steps.join("instance.mjs").display().to_string();
        node(&[&program, "start", &params.to_string()], &[]).await?;
    } else {
        let key = format!("first-installation/{}", target.name);
        let order = target.order(world, "apply", &key, sources::FIRST_VERSION)?;
        run_step(&world.steps.join("deploy-instance.mjs"), &order).await?;
    }
    Ok(())
}

/// Ends every instance, and every step program still at work, for certain.
///
/// # Errors
/// When a process does not end even when killed.
pub(super) fn stop_all(world: &Description) -> Result<()> {
    // Steps first: one that is under way would start its instance again.
    let below: Vec<PathBuf> = vec![world.steps.clone(), world.dir.join("targets")];
    crate::process::end(&crate::process::node_processes_below(&below[0]), Duration::from_millis(200))?;
    let known = world.targets.iter().filter_map(|target| target.handle().running());
    let mut pids: Vec<i32> = known.chain(crate::process::node_processes_below(&below[1])).collect();
    pids.sort_unstable();
    pids.dedup();
    crate::process::end(&pids, Duration::from_secs(3))?;
    for target in &world.targets {
        let _absent_already = std::fs::remove_file(target.handle().pid_file);
    }
    Ok(())
}
