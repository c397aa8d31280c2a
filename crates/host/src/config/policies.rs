//! The `policies.yml` of Kubewarden's policy-server: a map from names to policies and groups.
//!
//! Each policy is asked about everything that is sent to its URL, as there: which requests those are is up to the webhook
//! configuration. Source: `crates/policy-server/src/config.rs` of Kubewarden.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use access::admission::OnFailure;
use access::rules::Rule;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::admission::grants;
use super::error::{ConfigError, ConfigErrors};
use super::read::File;
use super::resolve::{Resolver, TIMEOUT_MAX, unique};
use super::written::{self, Common};
use super::{
    AdmissionPolicy, Asked, Configuration, Dialect, Group, GroupMember, Guarded, Kubewarden, Policy,
};

/// How long a policy may take when the file says nothing, as in the peer.
const TIMEOUT_DEFAULT_SECONDS: u64 = 2;

/// An entry: a policy when it has a `module`, a group when it has `policies`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    module: Option<Spanned<String>>,
    policy_mode: Option<written::PolicyMode>,
    allowed_to_mutate: Option<bool>,
    settings: Option<serde_json::Value>,
    context_aware_resources: Option<Vec<written::KubernetesResource>>,
    host_capabilities: Option<Vec<String>>,
    message: Option<String>,
    timeout_eval_seconds: Option<u64>,
    expression: Option<Spanned<String>>,
    policies: Option<BTreeMap<String, Member>>,
}

/// A policy of a group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Member {
    module: Spanned<String>,
    settings: Option<serde_json::Value>,
    context_aware_resources: Option<Vec<written::KubernetesResource>>,
    host_capabilities: Option<Vec<String>>,
    timeout_eval_seconds: Option<u64>,
}

impl Configuration {
    pub(super) fn add_policies(
        &mut self,
        file: &File,
        store: Option<&Path>,
    ) -> Result<(), ConfigErrors> {
        let entries: BTreeMap<String, Entry> = file.parse()?;
        let mut errors = Vec::new();
        let reader = Reader {
            file,
            store,
            resolver: Resolver::new(file, &self.engine),
        };
        for (name, entry) in entries {
            match reader.admitter(&name, entry) {
                Ok(admitter) => self.admission.push(admitter),
                Err(ConfigErrors(more)) => errors.extend(more),
            }
        }
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        unique(file, self.admission.iter().map(|entry| &entry.policy))
    }
}

struct Reader<'a> {
    file: &'a File,
    /// Where the peer keeps what it has pulled.
    store: Option<&'a Path>,
    resolver: Resolver<'a>,
}

impl Reader<'_> {
    fn admitter(&self, name: &str, entry: Entry) -> Result<AdmissionPolicy, ConfigErrors> {
        let mutating = entry.allowed_to_mutate.unwrap_or(false);
        let mode = entry.policy_mode;
        let (policy, asked) = match (&entry.module, entry.policies.is_some()) {
            (Some(module), false) => self.single(name, module, &entry)?,
            (None, true) => self.group(name, entry)?,
            _ => {
                let message = "needs either `module`, for a policy, or `expression`, `message` and `policies`, for a group";
                return Err(self.file.error_in_file(name, message).into());
            }
        };
        Ok(AdmissionPolicy {
            policy,
            mutating,
            rules: vec![Rule::everything()],
            on_failure: OnFailure::Fail,
            mode: mode.map(Into::into).unwrap_or_default(),
            asked,
            guarded: Guarded::RulesElsewhere,
        })
    }

    fn single(
        &self,
        name: &str,
        module: &Spanned<String>,
        entry: &Entry,
    ) -> Result<(Policy, Asked), ConfigErrors> {
        if let Some(expression) = &entry.expression {
            let message = "is for groups: a group has `policies` and no `module`";
            let field = format!("{name}.expression");
            return Err(self.file.error(expression, field, message).into());
        }
        let file = self.file_of(name, module)?;
        let (settings, seconds) = (entry.settings.as_ref(), entry.timeout_eval_seconds);
        let policy = self.policy(name, name, module, file, settings, seconds)?;
        let kubewarden = self.kubewarden(
            name,
            module,
            entry.host_capabilities.as_deref(),
            entry.context_aware_resources.as_deref(),
            entry.message.clone(),
        )?;
        Ok((policy, Asked::Module(kubewarden)))
    }

    fn group(&self, name: &str, entry: Entry) -> Result<(Policy, Asked), ConfigErrors> {
        let missing = |field: &str| {
            self.file
                .error_in_file(name, format!("is a group and has no `{field}`"))
        };
        if entry.settings.is_some()
            || entry.host_capabilities.is_some()
            || entry.context_aware_resources.is_some()
            || entry.timeout_eval_seconds.is_some()
            || entry.allowed_to_mutate.is_some()
        {
            let message = "is a group: settings, grants and timeouts belong to its members, and groups cannot mutate";
            return Err(self.file.error_in_file(name, message).into());
        }
        let expression = entry.expression.ok_or_else(|| missing("expression"))?;
        let message = entry.message.ok_or_else(|| missing("message"))?;
        let members = entry.policies.unwrap_or_default();
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        kubewarden::Expression::parse(&expression.value, &names).map_err(|error| {
            let field = format!("{name}.expression");
            self.file.error(&expression, field, error.to_string())
        })?;
        let place = expression.clone();
        let members = members
            .into_iter()
            .map(|(member, entry)| self.member(name, member, &entry));
        let group = Group {
            expression: expression.value,
            message,
            members: members.collect::<Result<_, _>>()?,
        };
        // A group has no module of its own; it is known by its name and place.
        let policy = self.policy(name, name, &place, PathBuf::new(), None, None)?;
        let together = group.members.iter().map(|member| member.policy.timeout);
        let policy = Policy {
            timeout: together.sum::<Duration>().min(TIMEOUT_MAX),
            ..policy
        };
        Ok((policy, Asked::Group(group)))
    }

    fn member(
        &self,
        group: &str,
        name: String,
        member: &Member,
    ) -> Result<GroupMember, ConfigErrors> {
        let at = format!("{group}.policies.{name}");
        let full = format!("{group}-{name}");
        let file = self.file_of(&at, &member.module)?;
        let (settings, seconds) = (member.settings.as_ref(), member.timeout_eval_seconds);
        Ok(GroupMember {
            policy: self.policy(&at, &full, &member.module, file, settings, seconds)?,
            kubewarden: self.kubewarden(
                &at,
                &member.module,
                member.host_capabilities.as_deref(),
                member.context_aware_resources.as_deref(),
                None,
            )?,
            name,
        })
    }

    /// What every policy has. Errors are told at the place of `placed`.
    fn policy(
        &self,
        at: &str,
        name: &str,
        placed: &Spanned<String>,
        module: PathBuf,
        settings: Option<&serde_json::Value>,
        seconds: Option<u64>,
    ) -> Result<Policy, ConfigErrors> {
        let spanned = |value: String| Spanned {
            value,
            ..placed.clone()
        };
        let seconds = seconds.unwrap_or(TIMEOUT_DEFAULT_SECONDS);
        // kube-apiserver waits no longer, whatever the file says.
        let seconds = seconds.clamp(1, TIMEOUT_MAX.as_secs());
        let timeout = spanned(format!("{seconds}s"));
        let common = Common {
            name: Some(&spanned(name.to_owned())),
            module: placed,
            settings,
            timeout: Some(&timeout),
            limits: None,
            debug: None,
        };
        let mut errors = Vec::new();
        let dialect = Some(Dialect::Kubewarden);
        let policy = self.resolver.policy(&common, dialect, at, &mut errors);
        let policy = policy.ok_or(ConfigErrors(errors))?;
        Ok(Policy { module, ..policy })
    }

    fn kubewarden(
        &self,
        at: &str,
        module: &Spanned<String>,
        capabilities: Option<&[String]>,
        resources: Option<&[written::KubernetesResource]>,
        message: Option<String>,
    ) -> Result<Kubewarden, ConfigErrors> {
        let grants = grants(capabilities, resources.into_iter().flatten())
            .map_err(|error| self.wrong(module, at, &error.to_string()))?;
        Ok(Kubewarden {
            execution_mode: None,
            grants,
            message,
        })
    }

    fn wrong(&self, module: &Spanned<String>, at: &str, message: &str) -> ConfigError {
        self.file
            .error(module, format!("{at}.hostCapabilities"), message)
    }

    fn file_of(&self, at: &str, module: &Spanned<String>) -> Result<PathBuf, ConfigError> {
        self.place(&module.value)
            .map_err(|message| self.file.error(module, format!("{at}.module"), message))
    }

    /// The file of a module: a path, a `file://` URI, or what `kwctl pull` has put into the peer's local store.
    fn place(&self, module: &str) -> Result<PathBuf, String> {
        if let Some(path) = module.strip_prefix("file://") {
            return Ok(self.file.resolve(path));
        }
        let (scheme, rest) = module.split_once("://").unwrap_or(("registry", module));
        // A bare name is of a registry; but whoever names a file that is there means it.
        let path = self.file.resolve(module);
        if !module.contains("://") && path.is_file() {
            return Ok(path);
        }
        let stored = self.store.map(|store| store.join(scheme).join(rest));
        match stored {
            Some(stored) if stored.is_file() => Ok(stored),
            stored => {
                let looked = stored.map_or_else(String::new, |stored| {
                    format!(
                        "; it is not in the local store either (`{}`)",
                        stored.display()
                    )
                });
                Err(format!(
                    "`{module}` is not a file{looked}: pull it first, with `kwctl pull {module}`, or name a file with `file://`"
                ))
            }
        }
    }
}
