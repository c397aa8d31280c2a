//! The story: six requests and their results, in plain words.

use anyhow::{Result, ensure};
use conformance::objects::configmap;
use conformance::reply::Reply;
use conformance::{Caller, Cluster, Operation};

/// Runs the story in the namespace of `cluster`.
///
/// # Errors
/// If a request has an unexpected result.
pub async fn play(cluster: &Cluster<'_>) -> Result<()> {
    let magic = cluster.with_token("magic-token");
    logs_in(&magic).await?;
    does_not_log_in(&cluster.with_token("wrong-token")).await?;
    lists_configmaps(&magic).await?;
    does_not_list_pods(&magic).await?;
    creates_a_configmap(&magic).await?;
    does_not_create_a_forbidden_configmap(&magic).await
}

async fn logs_in(magic: &Caller) -> Result<()> {
    scene(
        1,
        "A client with the token `magic-token` sends a SelfSubjectReview.",
    );
    let reply = expect(magic.who_am_i().await, Reply::is_success)?;
    let user = &reply.body["status"]["userInfo"];
    let groups: Vec<&str> = user["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|g| g.as_str())
        .collect();
    outcome(&format!(
        "It is {}, a member of {}.",
        user["username"].as_str().unwrap_or_default(),
        groups.join(" and ")
    ));
    Ok(())
}

async fn does_not_log_in(caller: &Caller) -> Result<()> {
    scene(
        2,
        "A client with the token `wrong-token` sends a SelfSubjectReview.",
    );
    refusal(&expect(caller.who_am_i().await, |reply| reply.code == 401)?);
    Ok(())
}

async fn lists_configmaps(magic: &Caller) -> Result<()> {
    scene(3, "magic-user lists configmaps.");
    let reply = expect(
        magic.sends(Operation::list("configmaps")).await,
        Reply::is_success,
    )?;
    let count = reply.body["items"].as_array().map_or(0, Vec::len);
    outcome(&format!("{} OK, a list of {count}.", reply.code));
    Ok(())
}

async fn does_not_list_pods(magic: &Caller) -> Result<()> {
    scene(4, "magic-user lists pods.");
    refusal(&expect(
        magic.sends(Operation::list("pods")).await,
        Reply::is_forbidden,
    )?);
    Ok(())
}

async fn creates_a_configmap(magic: &Caller) -> Result<()> {
    scene(
        5,
        "magic-user creates a configmap with `greeting: hello`, and reads it.",
    );
    expect(
        magic
            .sends(configmap("first", [("greeting", "hello")]))
            .await,
        Reply::is_success,
    )?;
    let reply = expect(
        magic.sends(Operation::get("configmaps", "first")).await,
        Reply::is_success,
    )?;
    outcome(&format!("{} OK, the stored data is:", reply.code));
    for (key, value) in reply.body["data"].as_object().into_iter().flatten() {
        println!("       {key}: {}", value.as_str().unwrap_or_default());
    }
    ensure!(
        reply.body["data"]["magic-value"] == "foobar",
        "the configmap was not mutated\n{reply}"
    );
    Ok(())
}

async fn does_not_create_a_forbidden_configmap(magic: &Caller) -> Result<()> {
    scene(
        6,
        "magic-user creates a configmap with `not-allowed-value: oops`.",
    );
    let forbidden = configmap("second", [("not-allowed-value", "oops")]);
    refusal(&expect(magic.sends(forbidden).await, Reply::is_rejection)?);
    Ok(())
}

fn scene(number: u32, text: &str) {
    println!("{number}. {text}");
}

fn outcome(text: &str) {
    println!("   → {text}");
}

fn refusal(reply: &Reply) {
    outcome(&format!("{} {}", reply.code, reply.message()));
}

fn expect(reply: Reply, condition: impl Fn(&Reply) -> bool) -> Result<Reply> {
    ensure!(condition(&reply), "unexpected response\n{reply}");
    Ok(reply)
}
