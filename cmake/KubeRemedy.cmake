# How a folder becomes a library, a program or a test; compiler settings for all of them.

option(KR_TESTS "Build the tests" ON)
option(KR_CPPREST "Build the cpprestsdk transport" ON)
set(KR_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them: address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
# Our own headers must each compile alone: the first thing that a source includes is its own header
# (hack/own_header_first.sh), and target all_verify_interface_header_sets compiles those that have no source.
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)

find_program(KR_CCACHE ccache)
if(KR_CCACHE)
  # Checkouts of the same sources in other folders share what is compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
                                  CCACHE_NOHASHDIR=1 ${KR_CCACHE})
endif()
find_program(KR_MOLD mold)
if(KR_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(KR_SANITIZE)
  # -O1 comes after the build type's -O2: instrumented code at -O2 takes twice as long to compile.
  add_compile_options(-O1 -fsanitize=${KR_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  # What is null crashes anyway, and what is no longer there is AddressSanitizer's: a fifth less to
  # compile.
  add_compile_options(-fno-sanitize=null,vptr)
  add_link_options(-fsanitize=${KR_SANITIZE})
endif()

# Designated initializers leave members out on purpose: g++ 12 would call that missing.
add_library(kr_warnings INTERFACE)
target_compile_options(kr_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wconversion -Wno-sign-conversion
  -Wno-missing-field-initializers)
# Instrumented code draws warnings that are not true (std::optional and std::variant, the fences of
# Boost.Asio under thread): the ordinary build is the judge.
if(NOT KR_SANITIZE)
  target_compile_options(kr_warnings INTERFACE -Werror)
endif()

# kr_library(name DEPS lib... COLD glob... HOT file...): the sources and headers of the current folder.
# COLD are sources that few events and objects pass through, but for those that are HOT: they are made
# small instead of fast, because the kernel keeps every page near one that ran.
function(kr_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;PRIVATE_DEPS;EXCLUDE;COLD;HOT" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  file(GLOB headers CONFIGURE_DEPENDS *.h)
  foreach(file IN LISTS ARG_EXCLUDE)
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  endforeach()
  if(ARG_COLD AND NOT KR_SANITIZE)
    file(GLOB cold CONFIGURE_DEPENDS ${ARG_COLD})
    foreach(file IN LISTS ARG_HOT)
      list(REMOVE_ITEM cold ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    endforeach()
    set_source_files_properties(${cold} PROPERTIES COMPILE_OPTIONS -Os)
  endif()
  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${name} PRIVATE kr_warnings ${ARG_PRIVATE_DEPS})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  set(alone ${headers})
  foreach(source IN LISTS sources)
    string(REGEX REPLACE "cc$" "h" own ${source})
    list(REMOVE_ITEM alone ${own})
  endforeach()
  list(REMOVE_ITEM headers ${alone})
  target_sources(${name} ${scope}
                 FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${headers}
                 FILE_SET alone TYPE HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${alone})
  set_target_properties(${name} PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY alone)
  target_include_directories(${name} ${scope} ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} ${scope} ${ARG_DEPS})
endfunction()

# All tests of a program in a few processes: an instrumented one takes longer to start than most tests to run.
function(kr_add_shards name)
  set(shards 8)
  math(EXPR last "${shards} - 1")
  foreach(shard RANGE ${last})
    add_test(NAME ${name}.${shard} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name}.${shard} PROPERTIES TIMEOUT 1200
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${shard}")
  endforeach()
endfunction()

# kr_test(name [THREADS] LABEL unit|component DEPS lib...): all *_test.cc of the current folder, one program,
# each TEST a ctest case of its own with a time limit, or shards where it is instrumented. THREADS: threads meet here;
# ThreadSanitizer, to whom the rest has nothing to show, gets only these.
add_custom_target(kr_tests)
function(kr_test name)
  cmake_parse_arguments(ARG "THREADS" "LABEL;TIMEOUT" "DEPS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 30)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS *_test.cc)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE kr_warnings ${ARG_DEPS} kr_test_support GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE KR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_compile_options(${name} PRIVATE -O1)  # it is compiled more often than it is run
  if(KR_SANITIZE)
    # Of behaviour that is undefined it is the product's that matters: a quarter less to compile.
    target_compile_options(${name} PRIVATE -fno-sanitize=undefined)
  endif()
  if(ARG_THREADS OR NOT KR_SANITIZE STREQUAL "thread")
    add_dependencies(kr_tests ${name})
    if(KR_SANITIZE)
      kr_add_shards(${name})
    else()
      gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
    endif()
  endif()
endfunction()
