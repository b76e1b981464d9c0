//! The people who can open something.

use super::ways::{self, Way};
use super::{Asked, Question, judge};
use crate::Context;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::access::Candidate;
use gatepost_store::directory::{DirectoryError, Page, Place, UserSummary};

/// How many people are read at once, at first and then: where most people pass, a page is full soon.
const FIRST_RANGE: u32 = 250;
const RANGE: u32 = 5_000;

/// A person who can open it.
#[derive(Clone, Debug)]
pub struct Opener {
    pub user: UserSummary,
    /// Which requirements of the question the person meets, by their place there.
    pub meets: Vec<usize>,
    pub ways: Vec<Way>,
}

impl Context {
    /// Lists who can open it, by id. Reads everybody up to the last of the page.
    pub async fn list_openers(
        &self,
        scope: &Scope,
        question: &Question,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<Opener>, DirectoryError> {
        let wanted = limit as usize;
        let (mut items, mut after) = (Vec::new(), after.cloned());
        let mut range = FIRST_RANGE.max(limit.saturating_add(1)).min(RANGE);
        while !question.requirements.is_empty() && items.len() <= wanted {
            let page = self.list_in_range(scope, question, after.as_ref(), range).await?;
            items.extend(page.items);
            after = page.next;
            range = RANGE;
            if after.is_none() {
                break;
            }
        }
        let next =
            if items.len() > wanted { Some(place_of(&items[wanted.saturating_sub(1)])) } else { after };
        items.truncate(wanted);
        self.add_setters(scope, &mut items).await?;
        Ok(Page { items, next })
    }

    /// Lists those of the next range of people, for whoever wants all of them one range after the other. A range may
    /// have none.
    pub async fn list_next_openers(
        &self,
        scope: &Scope,
        question: &Question,
        after: Option<&Place>,
    ) -> Result<Page<Opener>, DirectoryError> {
        if question.requirements.is_empty() {
            return Ok(Page::empty());
        }
        let mut page = self.list_in_range(scope, question, after, RANGE).await?;
        self.add_setters(scope, &mut page.items).await?;
        Ok(page)
    }

    async fn list_in_range(
        &self,
        scope: &Scope,
        question: &Question,
        after: Option<&Place>,
        range: u32,
    ) -> Result<Page<Opener>, DirectoryError> {
        let directory = &self.stores.directory;
        let page = directory.list_candidates(scope, &question.relevant, after, range).await?;
        let now = Timestamp::now();
        let opener = |candidate| self.opener(scope, question, candidate, now);
        Ok(Page { items: page.items.into_iter().filter_map(opener).collect(), next: page.next })
    }

    fn opener(
        &self,
        scope: &Scope,
        question: &Question,
        candidate: Candidate,
        now: Timestamp,
    ) -> Option<Opener> {
        let is_met =
            |asked: &Asked| judge(&asked.requirement, &candidate.standing, &self.site.lifetimes, now).is_ok();
        let met = question.requirements.iter().enumerate().filter(|(_, asked)| is_met(asked));
        let meets: Vec<usize> = met.map(|(place, _)| place).collect();
        let may_use = question.tool.as_ref().is_none_or(|tool| tool.is_for(&candidate.standing.access));
        if meets.is_empty() || !may_use {
            return None;
        }
        let met = meets.iter().map(|place| &question.requirements[*place].requirement);
        let ways = ways::of(scope, &question.relevant, &candidate.ways, &met, question.tool.as_ref());
        // Somebody may open it by a right that does not exist for the reader, and nothing says so.
        (scope.is_system() || !ways.is_empty()).then_some(Opener { user: candidate.user, meets, ways })
    }

    async fn add_setters(&self, scope: &Scope, openers: &mut [Opener]) -> Result<(), DirectoryError> {
        let decided = openers.iter().filter(|opener| opener.ways.iter().any(Way::was_decided_here));
        let users: Vec<_> = decided.map(|opener| opener.user.id).collect();
        if users.is_empty() {
            return Ok(());
        }
        let setters = ways::Setters::of(self.stores.directory.list_setters(scope, &users).await?);
        for opener in openers {
            setters.add_to(opener.user.id, &mut opener.ways);
        }
        Ok(())
    }
}

fn place_of(opener: &Opener) -> Place {
    opener.user.id.to_string().parse().expect("an id is a place in a list of people")
}
