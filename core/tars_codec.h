/* What generated encoders and decoders are made of; included by the .c files of `tars idl gen`. */
#ifndef CORE_TARS_CODEC_H
#define CORE_TARS_CODEC_H

#include "proto/member_put.h"
#include "proto/member_get.h"

#endif
