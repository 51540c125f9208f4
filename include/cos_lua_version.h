/*
 * meta: the version of the Redis function library this build speaks with:
 * what cos_version (meta/lua) answers. Raised with every change of a function's
 * arguments, replies or effects; a worker that finds a lower number in Redis
 * loads its own library.
 */

#ifndef COS_LUA_VERSION_H
#define COS_LUA_VERSION_H

#define COS_LUA_VERSION  14

#endif
