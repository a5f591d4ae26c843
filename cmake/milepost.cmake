# Helpers that make every library, program and test of the suite the same way.

set(MILEPOST_PROTO_ROOT ${CMAKE_SOURCE_DIR}/protos)
set(MILEPOST_GEN ${CMAKE_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${MILEPOST_GEN})

# One precompiled header for all of our own code: the headers that nearly every file pulls in.
add_library(milepost_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_precompile_headers(milepost_pch PRIVATE
  <algorithm> <chrono> <cstdint> <functional> <map> <memory> <mutex> <optional> <set> <string>
  <string_view> <thread> <unordered_map> <utility> <variant> <vector>
  <absl/container/flat_hash_map.h> <absl/container/flat_hash_set.h> <absl/status/status.h>
  <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/strings/str_format.h>
  <absl/strings/str_join.h> <absl/strings/str_split.h> <absl/time/civil_time.h>
  <absl/time/time.h> <grpcpp/grpcpp.h> <google/protobuf/message.h>)

# GCC 12 takes apart std::string and std::variant at -O2 and warns of what cannot be; the warnings
# that need the optimizer are therefore off, all others are errors.
set(MILEPOST_WARNINGS -Wall -Wextra -Wpedantic -Werror -Wno-missing-field-initializers
    -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict
    -Wno-array-bounds -Wno-free-nonheap-object)

function(milepost_compile_settings target)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
  target_include_directories(${target} SYSTEM PUBLIC ${MILEPOST_GEN})
  target_compile_options(${target} PRIVATE ${MILEPOST_WARNINGS} -fpch-preprocess)
endfunction()
target_link_libraries(milepost_pch PRIVATE gRPC::grpc++ protobuf::libprotobuf absl::status
  absl::statusor absl::strings absl::str_format absl::time absl::flat_hash_map absl::flat_hash_set)
milepost_compile_settings(milepost_pch)

# Tests have one of their own, with GoogleTest in it, and are not optimized: half of their compile
# time went there, and what they test is optimized all the same.
#
# milepost_test_pch(NAME HEADERS headers ... DEPS targets ...) makes another with more in it. A folder
# whose tests all begin with one heavy header sets MILEPOST_TEST_PCH to it.
function(milepost_test_pch name)
  cmake_parse_arguments(arg "" "" "HEADERS;DEPS" ${ARGN})
  add_library(${name} OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
  get_target_property(headers milepost_pch PRECOMPILE_HEADERS)
  target_precompile_headers(${name} PRIVATE ${headers} <gmock/gmock.h> <gtest/gtest.h> ${arg_HEADERS})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} gRPC::grpc++ protobuf::libprotobuf absl::status
    absl::statusor absl::strings absl::str_format absl::time absl::flat_hash_map absl::flat_hash_set
    GTest::gtest_main GTest::gmock)
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  milepost_compile_settings(${name})
endfunction()
milepost_test_pch(milepost_test_pch)
set(MILEPOST_TEST_PCH milepost_test_pch)

# milepost_library(NAME SOURCES a.cc ... DEPS targets ... [PURE])
# PURE libraries (domain rules) see neither the precompiled header nor gRPC.
function(milepost_library name)
  cmake_parse_arguments(arg "PURE" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  milepost_compile_settings(${name})
  target_link_libraries(${name} PUBLIC ${arg_DEPS} absl::status absl::statusor absl::strings
    absl::str_format absl::time absl::flat_hash_map absl::flat_hash_set)
  if(NOT arg_PURE)
    target_link_libraries(${name} PUBLIC gRPC::grpc++ protobuf::libprotobuf)
    target_precompile_headers(${name} REUSE_FROM milepost_pch)
  endif()
endfunction()

# milepost_program(NAME SOURCES a.cc ... DEPS targets ...): an executable in bin/.
function(milepost_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  milepost_compile_settings(${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} gRPC::grpc++ protobuf::libprotobuf)
  target_precompile_headers(${name} REUSE_FROM milepost_pch)
endfunction()

# milepost_test(NAME n LABEL unit|db|service|contract|rollout|e2e SOURCES ... DEPS ... [TIMEOUT s])
# The only way to make a C++ test, so that none can be written and not run.
function(milepost_test)
  cmake_parse_arguments(arg "" "NAME;LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT arg_LABEL MATCHES "^(unit|db|service|contract|rollout|e2e)$")
    message(FATAL_ERROR "milepost_test(${arg_NAME}): unknown label '${arg_LABEL}'")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${arg_NAME} ${arg_SOURCES})
  milepost_compile_settings(${arg_NAME})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS} gRPC::grpc++ protobuf::libprotobuf
    absl::flat_hash_map absl::flat_hash_set absl::str_format absl::time
    GTest::gtest_main GTest::gmock)
  target_precompile_headers(${arg_NAME} REUSE_FROM ${MILEPOST_TEST_PCH})
  target_compile_options(${arg_NAME} PRIVATE $<$<CONFIG:Release>:-O0>)
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME})
  set_tests_properties(${arg_NAME} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()

# milepost_proto_library(NAME FILES milepost/x/v1/x.proto ... DEPS other proto libraries)
# Generates messages and services of the files into one static library.
function(milepost_proto_library name)
  cmake_parse_arguments(arg "" "ROOT" "FILES;DEPS" ${ARGN})
  if(NOT arg_ROOT)
    set(arg_ROOT ${MILEPOST_PROTO_ROOT})
  endif()
  set(sources)
  foreach(rel ${arg_FILES})
    string(REGEX REPLACE "\\.proto$" "" stem ${MILEPOST_GEN}/${rel})
    get_filename_component(dir ${stem} DIRECTORY)
    file(MAKE_DIRECTORY ${dir})
    # protoc sorts its dependency file, and Ninja wants the same first name: .grpc.pb.cc leads.
    set(files ${stem}.grpc.pb.cc ${stem}.grpc.pb.h ${stem}.pb.cc ${stem}.pb.h)
    add_custom_command(OUTPUT ${files}
      COMMAND protobuf::protoc -I ${MILEPOST_PROTO_ROOT} -I ${GOOGLE_RPC_PROTO_ROOT}
              --cpp_out=${MILEPOST_GEN} --grpc_out=${MILEPOST_GEN}
              --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>
              --dependency_out=${stem}.d ${arg_ROOT}/${rel}
      DEPENDS ${arg_ROOT}/${rel} DEPFILE ${stem}.d VERBATIM)
    list(APPEND sources ${files})
  endforeach()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} SYSTEM PUBLIC ${MILEPOST_GEN})
  target_link_libraries(${name} PUBLIC gRPC::grpc++ protobuf::libprotobuf ${arg_DEPS})
  target_precompile_headers(${name} REUSE_FROM milepost_pch)
  target_compile_options(${name} PRIVATE -fpch-preprocess)
  set_property(GLOBAL APPEND PROPERTY MILEPOST_PROTO_FILES ${arg_FILES})
endfunction()

# milepost_schema(target FUNCTION milepost::customer::Migrations COMPONENT customer FILES schema/0001_x.sql ...)
# Embeds migrations into `target` as `std::vector<db::Migration> <FUNCTION>()`; declare that function in a header yourself.
function(milepost_schema target)
  cmake_parse_arguments(arg "" "FUNCTION;COMPONENT" "FILES" ${ARGN})
  string(REGEX REPLACE "::[^:]*$" "" namespace ${arg_FUNCTION})
  string(REGEX REPLACE "^.*::" "" function ${arg_FUNCTION})
  set(out "#include \"platform/db/migration.h\"\n\nnamespace ${namespace} {\n\nstd::vector<milepost::db::Migration> ${function}() {\n  return {\n")
  foreach(file ${arg_FILES})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    get_filename_component(stem ${file} NAME_WE)
    if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
      message(FATAL_ERROR "migration ${file}: want NNNN_what_it_does.sql")
    endif()
    set(name ${CMAKE_MATCH_2})
    math(EXPR version "1${CMAKE_MATCH_1} - 10000")
    file(READ ${file} sql)
    string(APPEND out "      {\"${arg_COMPONENT}\", ${version}, \"${name}\", R\"SQL(${sql})SQL\"},\n")
  endforeach()
  string(APPEND out "  };\n}\n\n}  // namespace ${namespace}\n")
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${target}_schema.cc)
  file(CONFIGURE OUTPUT ${generated} CONTENT "${out}" @ONLY)
  target_sources(${target} PRIVATE ${generated})
endfunction()
