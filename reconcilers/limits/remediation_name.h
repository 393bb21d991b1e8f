#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crds/v1alpha1/remediation.h"

namespace kr::limits {

// The name of the n-th Remediation of a lineage (n counts from 1: LineageMemory's n + 1):
//   <policy, 60>-<target, 100>-<digest>-<n>
// a RFC 1123 subdomain of at most 253 characters. The same episode always gets the same name, so
// that creating it twice is refused by the API server. `lineage_digest` is LineageDigest().
// After pruning a number may come again: harmless, nothing else is derived from the name.
std::string RemediationName(std::string_view policy, std::string_view target,
                            std::string_view lineage_digest, int64_t n);

// What a Remediation means whose name was already taken when ours was created.
enum class Existing {
  kAdopt,     // ours and open: go on with it
  kFinished,  // ours and finished: it is the lineage's newest memory; take the next number
  kForeign,   // of another policy or lineage: refuse, a person has to look
};
Existing Judge(const crds::Remediation& existing, std::string_view policy_uid,
               std::string_view lineage_digest);

// Of two open Remediations of one lineage the older runs, the other is Cancelled(Duplicate).
// Creation time first, then name.
bool RunsBefore(const crds::Remediation& a, const crds::Remediation& b);

}  // namespace kr::limits
