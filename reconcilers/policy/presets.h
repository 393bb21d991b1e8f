#pragma once

#include "reconcilers/policy/related.h"

// The joins that are built in.
namespace kr::policy {

// The preset of `spec` as the general form that a user could have written; nullopt for those that
// no expressions can say (IsNative). Its text reads what the join starts from under the name that
// such a join has for it.
std::optional<crds::Related> Expand(const crds::Related& spec);

// How the presets without a general form find their objects: OwnedPods and TopOwner follow the
// names that controllers give, to do without watching what lies between.
struct NativeJoin {
  cache::KeyFunction key;    // of a related object
  cache::KeyFunction start;  // of what the join starts from, which is of `kind`
  std::vector<document::Path> key_paths, start_paths;
};
NativeJoin MakeNative(const crds::Related& spec, const kube::GroupVersionKind& start);

// InvalidArgument when a preset cannot start from objects of this kind.
Status CheckStart(const crds::Related& spec, const kube::GroupVersionKind& start,
                  const std::string& path);

}  // namespace kr::policy
