//! A set of loaded policies that answers reviews.

use std::borrow::Cow;
use std::time::Instant;

use access::admission::Alone;
use access::rules::Target;
use access::{Failure, Mode, Plane, PolicyName, admission, authn, authz};
use capabilities::Capabilities;
use engine::Engine;
use wire::admission::Response;
use wire::review::ParseError;

use crate::evaluation::{Decision, Evaluation, Reply};
use crate::load::{self, LoadErrors, ModuleSource};
use crate::policy::{Asker, LoadedPolicy};
use crate::raw;
use crate::subject::Subject;
use config::{Configuration, Dialect};

/// The key of the trace in the audit log. Those of policies have the policy's name and a dot before them.
const TRACE_ANNOTATION: &str = "trace";

/// Loaded policies, ready to be asked. Immutable: a changed configuration is another `Host`.
#[derive(Debug)]
pub struct Host {
    /// What runs the modules.
    pub(crate) engine: Engine,
    /// Whether answers of admission carry the trace, in short.
    pub(crate) audit_trace: bool,
    pub(crate) authentication: Chain<authn::Policy>,
    pub(crate) authorization: Chain<authz::Policy>,
    pub(crate) mutation: Chain<admission::Policy>,
    pub(crate) validation: Chain<admission::Policy>,
}

/// The policies of a plane: what `access` decides by, and what is called. Both have the same length and order.
#[derive(Debug)]
pub(crate) struct Chain<P> {
    pub(crate) rules: Vec<P>,
    pub(crate) loaded: Vec<LoadedPolicy>,
}

impl<P> Default for Chain<P> {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            loaded: Vec::new(),
        }
    }
}

impl<P> Chain<P> {
    pub(crate) fn push(&mut self, rules: P, loaded: LoadedPolicy) {
        self.rules.push(rules);
        self.loaded.push(loaded);
    }

    /// The whole chain, or the chain of the one policy that is named.
    fn select(&self, policy: Option<&str>) -> Option<(&[P], &[LoadedPolicy])> {
        let Some(name) = policy else {
            return Some((&self.rules, &self.loaded));
        };
        let index = self
            .loaded
            .iter()
            .position(|loaded| loaded.name.as_str() == name)?;
        let rules = self.rules.get(index).map(std::slice::from_ref)?;
        let loaded = self.loaded.get(index).map(std::slice::from_ref)?;
        Some((rules, loaded))
    }
}

/// A review and whom to ask.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationRequest<'a> {
    /// Which decision is wanted.
    pub plane: Plane,
    /// One policy of the plane by its name, or all of them.
    pub policy: Option<&'a str>,
    /// The review as it was posted, JSON.
    pub review: &'a [u8],
    /// The same request in other API versions, as policies were asked about it already: those of admission whose rules match
    /// one of them are left out now. Nothing for everybody but a caller who converts objects itself.
    pub already_evaluated: &'a [Target<'a>],
    /// When the caller stops waiting. A call's deadline is this or the policy's timeout, whichever is sooner.
    pub deadline: Instant,
}

/// A review that cannot be answered because of the question itself.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The bytes are no review of the plane that was asked.
    #[error("failed to read the review")]
    Review(#[from] ParseError),
    /// There is no policy of that name.
    #[error("there is no policy `{0}` here")]
    NoSuchPolicy(String),
    /// The bytes are nothing that a Kubewarden policy could be asked about.
    #[error("failed to read the request")]
    Request(#[from] kubewarden::RequestError),
    /// Only Kubewarden policies are asked by themselves.
    #[error("the policy `{0}` is no Kubewarden policy")]
    NotKubewarden(String),
}

/// What is known of a loaded policy.
#[derive(Debug, Clone)]
pub struct PolicyInfo {
    /// Where it decides.
    pub plane: Plane,
    /// Its name.
    pub name: PolicyName,
    /// The module it runs; a group has none of its own.
    pub digest: Option<engine::Digest>,
    /// The entry point that is called; of a Kubewarden policy its execution mode.
    pub entry_point: &'static str,
    /// What the module's bytes mean.
    pub dialect: Dialect,
}

impl Host {
    /// Loads every module and builds the chains. Compiles, so this blocks for milliseconds to seconds per module.
    ///
    /// # Errors
    /// Every policy that could not be loaded, each with its place in the configuration.
    pub fn load(
        config: &Configuration,
        modules: &dyn ModuleSource,
        engine: &Engine,
    ) -> Result<Self, LoadErrors> {
        Self::load_with(config, modules, engine, &Capabilities::none())
    }

    /// The same for policies that call their host; `capabilities` answers.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(
        config: &Configuration,
        modules: &dyn ModuleSource,
        engine: &Engine,
        capabilities: &Capabilities,
    ) -> Result<Self, LoadErrors> {
        load::host(config, modules, engine, capabilities)
    }

    /// The loaded policies, plane by plane, in the order in which they are asked.
    pub fn policies(&self) -> impl Iterator<Item = PolicyInfo> + '_ {
        let planes = [
            (Plane::Authentication, &self.authentication.loaded),
            (Plane::Authorization, &self.authorization.loaded),
            (Plane::Mutation, &self.mutation.loaded),
            (Plane::Validation, &self.validation.loaded),
        ];
        planes
            .into_iter()
            .flat_map(|(plane, loaded)| loaded.iter().map(move |policy| policy.info(plane)))
    }

    /// What runs the modules of its policies.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether any policy of a plane would be asked about such a request, or about any request when there is none to look at.
    /// Cheap, so that a review need not be written for nobody.
    #[must_use]
    pub fn has_policy_for(&self, plane: Plane, target: Option<&Target<'_>>) -> bool {
        let is_asked =
            |policy: &admission::Policy| target.is_none_or(|target| policy.is_for(target));
        match plane {
            Plane::Authentication => !self.authentication.rules.is_empty(),
            Plane::Authorization => !self.authorization.rules.is_empty(),
            Plane::Mutation => self.mutation.rules.iter().any(is_asked),
            Plane::Validation => self.validation.rules.iter().any(is_asked),
        }
    }

    /// Whether an authorizer whose answers count denies when it fails. Then a question about authorization that could not even be asked has to
    /// count as denied, too: what would be allowed otherwise may be what it is there to deny.
    #[must_use]
    pub fn denies_on_failure(&self) -> bool {
        let mut authorizers = self.authorization.rules.iter();
        authorizers.any(|policy| {
            policy.mode == Mode::Protect && policy.on_failure == authz::OnFailure::Deny
        })
    }

    /// Answers a review. Dropping the future stops the call that is under way.
    ///
    /// # Errors
    /// When the bytes are no review of that plane, or the policy that is named does not exist. A policy that fails is no
    /// error here but a [`Decision`].
    pub async fn evaluate(
        &self,
        question: EvaluationRequest<'_>,
    ) -> Result<Evaluation, EvaluateError> {
        match question.plane {
            Plane::Authentication => self.authenticate(question).await,
            Plane::Authorization => self.authorize(question).await,
            Plane::Validation if !self.is_mutated_there(question) => {
                self.admit(question, &self.validation).await
            }
            Plane::Mutation | Plane::Validation => self.admit(question, &self.mutation).await,
        }
    }

    /// Whether a question for validation names a Kubewarden policy that may mutate: there is one URL for both.
    fn is_mutated_there(&self, question: EvaluationRequest<'_>) -> bool {
        let mut mutating = self.mutation.loaded.iter();
        question.policy.is_some_and(|name| {
            mutating.any(|policy| policy.is_kubewarden() && policy.name.as_str() == name)
        })
    }

    /// Asks one Kubewarden policy by itself: what it says, with the smallest patch, and nothing that a chain adds.
    ///
    /// # Errors
    /// When there is no such policy. A policy that fails is a [`Failure`] inside.
    pub async fn evaluate_kubewarden(
        &self,
        policy: &str,
        request: &kubewarden::Request,
        deadline: Instant,
    ) -> Result<Result<Response, Failure>, EvaluateError> {
        let alone = self.ask_alone(policy, request, deadline).await?;
        Ok(alone.response)
    }

    /// Answers a raw review: asks a Kubewarden policy about any JSON, `{"request": …}` → `{"response": …}`.
    ///
    /// # Errors
    /// When the bytes are no raw review, or there is no such policy. A policy that fails is no error here but a
    /// [`Decision`].
    pub async fn evaluate_raw(
        &self,
        policy: &str,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Evaluation, EvaluateError> {
        let request = raw::parse(body)?;
        let began = Instant::now();
        let Alone { response, outcome } = self.ask_alone(policy, &request, deadline).await?;
        Ok(Evaluation {
            uid: Some(request.uid().to_owned()),
            subject: Subject::default(),
            decision: outcome.answer.map(Decision::Admission),
            trace: outcome.trace,
            began,
            reply: match response {
                Ok(response) => Reply::Review(raw::answer(&response)),
                Err(failure) => Reply::Failed(failure.to_string()),
            },
        })
    }

    async fn ask_alone(
        &self,
        policy: &str,
        request: &kubewarden::Request,
        deadline: Instant,
    ) -> Result<Alone, EvaluateError> {
        let found = self.validation.select(Some(policy));
        let (rules, loaded) = found
            .or_else(|| self.mutation.select(Some(policy)))
            .ok_or_else(|| EvaluateError::NoSuchPolicy(policy.to_owned()))?;
        match (rules, loaded) {
            ([rules], [loaded]) if loaded.is_kubewarden() => {
                Ok(raw::ask(rules, loaded, request, deadline).await)
            }
            _ => Err(EvaluateError::NotKubewarden(policy.to_owned())),
        }
    }

    async fn authenticate(
        &self,
        question: EvaluationRequest<'_>,
    ) -> Result<Evaluation, EvaluateError> {
        let (chain, loaded) = select(&self.authentication, question)?;
        let review = wire::authentication::Review::parse(question.review)?;
        let asker = Asker::new(loaded, question.deadline);
        let outcome = authn::decide(chain, &review, &asker).await;
        let answer = wire::authentication::answer(review.version, &outcome.status());
        let subject = match &outcome.decision {
            Ok(authn::Decision::Authenticated(identity)) => {
                Subject::of_user(&identity.user.username)
            }
            Ok(authn::Decision::Unknown) | Err(_) => Subject::default(),
        };
        Ok(Evaluation {
            uid: None,
            subject,
            decision: outcome.decision.map(Decision::Authentication),
            trace: outcome.trace,
            began: asker.began(),
            // NoDecision is an answer here, with `status.error`: kube-apiserver caches it neither way and does not retry.
            reply: Reply::Review(answer),
        })
    }

    async fn authorize(
        &self,
        question: EvaluationRequest<'_>,
    ) -> Result<Evaluation, EvaluateError> {
        let (chain, loaded) = select(&self.authorization, question)?;
        let review = wire::authorization::Review::parse(question.review)?;
        let asker = Asker::new(loaded, question.deadline);
        let outcome = authz::decide(chain, &review, &asker).await;
        let reply = match &outcome.decision {
            Ok(decision) => Reply::Review(wire::authorization::answer(
                review.version,
                &decision.status(),
            )),
            Err(undecided) => Reply::Failed(undecided.message.clone()),
        };
        Ok(Evaluation {
            uid: None,
            subject: Subject::of_access(&review.spec),
            decision: outcome.decision.map(Decision::Authorization),
            trace: outcome.trace,
            began: asker.began(),
            reply,
        })
    }

    async fn admit(
        &self,
        question: EvaluationRequest<'_>,
        chain: &Chain<admission::Policy>,
    ) -> Result<Evaluation, EvaluateError> {
        let is_mutating = std::ptr::eq(chain, &raw const self.mutation);
        let (chain, loaded) = select(chain, question)?;
        let chain = &*not_asked(chain, question.already_evaluated);
        let review = wire::admission::Review::parse(question.review)?;
        let asker = Asker::new(loaded, question.deadline);
        let mut outcome = if is_mutating {
            admission::mutate(chain, &review, &asker).await
        } else {
            admission::validate(chain, &review, &asker).await
        };
        if self.audit_trace
            && let Ok(answer) = &mut outcome.answer
        {
            answer
                .audit_annotations
                .insert(TRACE_ANNOTATION.to_owned(), outcome.trace.summary());
        }
        let subject = Subject::of_object(&review.request);
        let uid = review.request.uid;
        let reply = match &outcome.answer {
            Ok(answer) => Reply::Review(wire::admission::answer(
                review.version,
                &answer.response(&uid),
            )),
            Err(undecided) => Reply::Failed(undecided.message.clone()),
        };
        Ok(Evaluation {
            uid: Some(uid),
            subject,
            decision: outcome.answer.map(Decision::Admission),
            trace: outcome.trace,
            began: asker.began(),
            reply,
        })
    }
}

fn select<'a, P>(
    chain: &'a Chain<P>,
    question: EvaluationRequest<'_>,
) -> Result<(&'a [P], &'a [LoadedPolicy]), EvaluateError> {
    chain
        .select(question.policy)
        .ok_or_else(|| EvaluateError::NoSuchPolicy(question.policy.unwrap_or_default().to_owned()))
}

/// The chain, in which the policies that were asked before have no rules any more.
fn not_asked<'a>(
    chain: &'a [admission::Policy],
    already_evaluated: &[Target<'_>],
) -> Cow<'a, [admission::Policy]> {
    if already_evaluated.is_empty() {
        return Cow::Borrowed(chain);
    }
    let mut chain = chain.to_vec();
    for policy in &mut chain {
        if already_evaluated.iter().any(|target| policy.is_for(target)) {
            policy.rules.clear();
        }
    }
    Cow::Owned(chain)
}
