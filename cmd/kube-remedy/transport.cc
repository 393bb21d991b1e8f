#include "cmd/kube-remedy/transport.h"

#include "controller/kube/beast_transport.h"

#ifdef KR_CPPREST
#include <filesystem>
#include <string>
#include <system_error>

#include <dlfcn.h>

#include "controller/kube/cpprest/module.h"
#endif

namespace kr::cmd {
namespace {

std::unique_ptr<kube::Transport> MakeBeast(kube::Credentials& credentials, Clock& clock) {
  return kube::MakeBeastTransport(credentials, clock);
}

#ifdef KR_CPPREST
Status NotLoaded() {
  const char* why = dlerror();
  return Unavailable("transport cpprest: expected its module beside the program: " +
                     std::string(why == nullptr ? "unknown error" : why));
}

StatusOr<TransportMaker> LoadCpprest() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Unavailable("transport cpprest: /proc/self/exe: " + error.message());
  // By its whole path: no search path decides what is loaded.
  const auto module = program.parent_path() / kube::kCpprestModule;
  void* handle = dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return NotLoaded();
  const auto make = reinterpret_cast<kube::CpprestFactory>(dlsym(handle, kube::kCpprestFactory));
  if (make == nullptr) return NotLoaded();
  return [make](kube::Credentials& credentials, Clock&) {
    return std::unique_ptr<kube::Transport>(make(credentials));
  };
}
#endif

}  // namespace

StatusOr<TransportMaker> FindTransport([[maybe_unused]] std::string_view name) {
#ifdef KR_CPPREST
  if (name == "cpprest") return LoadCpprest();
#endif
  return TransportMaker(MakeBeast);
}

}  // namespace kr::cmd
