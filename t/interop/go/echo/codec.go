// Package echo is Interop::Echo on the codec of the official Go SDK, by hand: its generator is no
// package of the SDK's module.
package echo

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
)

// member says what a struct's tag `tars:"TAG[,opt[,DEFAULT]]"` holds.
type member struct {
	tag      byte
	required bool
	standard reflect.Value
}

func memberOf(f reflect.StructField) member {
	words := strings.SplitN(f.Tag.Get("tars"), ",", 3)
	tag, err := strconv.Atoi(words[0])
	if err != nil {
		panic(f.Name + ": " + err.Error())
	}
	m := member{byte(tag), len(words) == 1, reflect.New(f.Type).Elem()}
	Reset(m.standard)
	if len(words) < 3 {
		return m
	}
	switch v := m.standard; v.Kind() {
	case reflect.Bool:
		v.SetBool(words[2] == "true")
	case reflect.String:
		v.SetString(words[2])
	case reflect.Float32, reflect.Float64:
		n, _ := strconv.ParseFloat(words[2], 64)
		v.SetFloat(n)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		n, _ := strconv.ParseUint(words[2], 10, 64)
		v.SetUint(n)
	default:
		n, _ := strconv.ParseInt(words[2], 10, 64)
		v.SetInt(n)
	}
	return m
}

// Reset gives v the defaults of the IDL; containers are empty, not nil.
func Reset(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			v.Field(i).Set(memberOf(v.Type().Field(i)).standard)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	default:
		v.Set(reflect.Zero(v.Type()))
	}
}

// As generated code does: an optional struct is always there, other members if they differ.
func isLeftOut(v reflect.Value, m member) bool {
	return !m.required && v.Kind() != reflect.Struct &&
		reflect.DeepEqual(v.Interface(), m.standard.Interface())
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func write(b *codec.Buffer, v reflect.Value, tag byte) error {
	switch v.Kind() {
	case reflect.Bool:
		return b.WriteBool(v.Bool(), tag)
	case reflect.Int8:
		return b.WriteInt8(int8(v.Int()), tag)
	case reflect.Int16:
		return b.WriteInt16(int16(v.Int()), tag)
	case reflect.Int32:
		return b.WriteInt32(int32(v.Int()), tag)
	case reflect.Int64:
		return b.WriteInt64(v.Int(), tag)
	case reflect.Uint8:
		return b.WriteUint8(uint8(v.Uint()), tag)
	case reflect.Uint16:
		return b.WriteUint16(uint16(v.Uint()), tag)
	case reflect.Uint32:
		return b.WriteUint32(uint32(v.Uint()), tag)
	case reflect.Float32:
		return b.WriteFloat32(float32(v.Float()), tag)
	case reflect.Float64:
		return b.WriteFloat64(v.Float(), tag)
	case reflect.String:
		return b.WriteString(v.String(), tag)
	case reflect.Struct:
		return writeStruct(b, v, tag)
	case reflect.Slice:
		return writeSlice(b, v, tag)
	case reflect.Map:
		return writeMap(b, v, tag)
	}
	return fmt.Errorf("no such type: %s", v.Type())
}

func writeStruct(b *codec.Buffer, v reflect.Value, tag byte) error {
	err := b.WriteHead(codec.StructBegin, tag)
	for i := 0; err == nil && i < v.NumField(); i++ {
		m := memberOf(v.Type().Field(i))
		if !isLeftOut(v.Field(i), m) {
			err = write(b, v.Field(i), m.tag)
		}
	}
	return first(err, b.WriteHead(codec.StructEnd, 0))
}

func writeSlice(b *codec.Buffer, v reflect.Value, tag byte) error {
	n := int32(v.Len())
	if raw, ok := v.Interface().([]int8); ok {
		return first(b.WriteHead(codec.SimpleList, tag), b.WriteHead(codec.BYTE, 0),
			b.WriteInt32(n, 0), b.WriteSliceInt8(raw))
	}
	err := first(b.WriteHead(codec.LIST, tag), b.WriteInt32(n, 0))
	for i := 0; err == nil && i < v.Len(); i++ {
		err = write(b, v.Index(i), 0)
	}
	return err
}

func writeMap(b *codec.Buffer, v reflect.Value, tag byte) error {
	err := first(b.WriteHead(codec.MAP, tag), b.WriteInt32(int32(v.Len()), 0))
	for _, key := range v.MapKeys() {
		err = first(err, write(b, key, 0), write(b, v.MapIndex(key), 1))
	}
	return err
}

// read leaves v as it is where it is optional and not there.
func read(r *codec.Reader, v reflect.Value, tag byte, required bool) error {
	switch p := v.Addr().Interface().(type) {
	case *bool:
		return r.ReadBool(p, tag, required)
	case *int8:
		return r.ReadInt8(p, tag, required)
	case *int16:
		return r.ReadInt16(p, tag, required)
	case *int32:
		return r.ReadInt32(p, tag, required)
	case *Color:
		return r.ReadInt32((*int32)(p), tag, required)
	case *int64:
		return r.ReadInt64(p, tag, required)
	case *uint8:
		return r.ReadUint8(p, tag, required)
	case *uint16:
		return r.ReadUint16(p, tag, required)
	case *uint32:
		return r.ReadUint32(p, tag, required)
	case *float32:
		return r.ReadFloat32(p, tag, required)
	case *float64:
		return r.ReadFloat64(p, tag, required)
	case *string:
		return r.ReadString(p, tag, required)
	}
	have, kind, err := r.SkipToNoCheck(tag, required)
	if err != nil || !have {
		return err
	}
	switch {
	case v.Kind() == reflect.Struct && kind == codec.StructBegin:
		return readStruct(r, v)
	case v.Kind() == reflect.Slice && (kind == codec.LIST || kind == codec.SimpleList):
		return readSlice(r, v, kind)
	case v.Kind() == reflect.Map && kind == codec.MAP:
		return readMap(r, v)
	}
	return fmt.Errorf("%s at tag %d comes as type %d", v.Type(), tag, kind)
}

func readStruct(r *codec.Reader, v reflect.Value) error {
	Reset(v)
	for i := 0; i < v.NumField(); i++ {
		m := memberOf(v.Type().Field(i))
		if err := read(r, v.Field(i), m.tag, m.required); err != nil {
			return err
		}
	}
	return r.SkipToStructEnd()
}

func readSlice(r *codec.Reader, v reflect.Value, kind byte) error {
	var n int32
	Reset(v)
	if raw, ok := v.Addr().Interface().(*[]int8); ok && kind == codec.SimpleList {
		if _, err := r.SkipTo(codec.BYTE, 0, true); err != nil {
			return err
		}
		return first(r.ReadInt32(&n, 0, true), r.ReadSliceInt8(raw, n, true))
	}
	err := r.ReadInt32(&n, 0, true)
	for i := int32(0); err == nil && i < n; i++ {
		elem := reflect.New(v.Type().Elem()).Elem()
		err = read(r, elem, 0, true)
		v.Set(reflect.Append(v, elem))
	}
	return err
}

func readMap(r *codec.Reader, v reflect.Value) error {
	var n int32
	Reset(v)
	err := r.ReadInt32(&n, 0, true)
	for i := int32(0); err == nil && i < n; i++ {
		key, val := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if err = first(read(r, key, 0, true), read(r, val, 1, true)); err == nil {
			v.SetMapIndex(key, val)
		}
	}
	return err
}

// put writes values with consecutive tags; get reads them into what the pointers point at.
func put(b *codec.Buffer, tag byte, values ...interface{}) error {
	for i, v := range values {
		if err := write(b, reflect.ValueOf(v), tag+byte(i)); err != nil {
			return err
		}
	}
	return nil
}

func get(r *codec.Reader, tag byte, pointers ...interface{}) error {
	for i, p := range pointers {
		if err := read(r, reflect.ValueOf(p).Elem(), tag+byte(i), true); err != nil {
			return err
		}
	}
	return nil
}
