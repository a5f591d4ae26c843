# milepost_revision(VARIABLE): the commit that is built, "unknown" if neither MILEPOST_REVISION nor git says.
# CMake runs again after a commit; what it writes differs in one source file, platform/rpc/build.cc.
set(MILEPOST_REVISION "" CACHE STRING "Revision of the sources; git is asked if this is empty")

function(milepost_revision variable)
  set(revision ${MILEPOST_REVISION})
  if(NOT revision)
    # By its own folder: unpacked sources may lie in the checkout of something else.
    set(git git --git-dir=${CMAKE_SOURCE_DIR}/.git)
    execute_process(COMMAND ${git} rev-parse --short=12 HEAD
      OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    execute_process(COMMAND ${git} rev-parse --git-path logs/HEAD
      OUTPUT_VARIABLE log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(log AND EXISTS ${log})
      set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${log})
    endif()
  endif()
  if(NOT revision MATCHES "^[0-9A-Za-z._-]+$")
    set(revision unknown)
  endif()
  set(${variable} ${revision} PARENT_SCOPE)
endfunction()
