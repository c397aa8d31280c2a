//! The evaluation of a review on each plane: parse, evaluate the chain, reply.

mod admission;
mod authentication;
mod authorization;
