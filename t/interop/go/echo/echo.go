package echo

import (
	"context"
	"errors"

	"github.com/TarsCloud/TarsGo/tars/model"
	"github.com/TarsCloud/TarsGo/tars/protocol/codec"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/basef"
	"github.com/TarsCloud/TarsGo/tars/protocol/res/requestf"
	"github.com/TarsCloud/TarsGo/tars/util/current"
	"github.com/TarsCloud/TarsGo/tars/util/tools"
)

// Color is an enum.
type Color int32

// Its smallest and its largest value.
const (
	ColorNEG Color = -3
	ColorBIG Color = 70000
)

// Prims has a member of each plain type.
type Prims struct {
	Yes   bool    `tars:"0"`
	I8    int8    `tars:"1"`
	I16   int16   `tars:"2"`
	I32   int32   `tars:"3"`
	I64   int64   `tars:"4"`
	F32   float32 `tars:"5"`
	F64   float64 `tars:"6"`
	Text  string  `tars:"7"`
	U8    uint8   `tars:"8"`
	U16   uint16  `tars:"9"`
	U32   uint32  `tars:"10"`
	Color Color   `tars:"11"`
}

// Defaults has them with the defaults of the IDL.
type Defaults struct {
	Yes   bool              `tars:"0,opt,true"`
	I8    int8              `tars:"1,opt,7"`
	I16   int16             `tars:"2,opt,-300"`
	I32   int32             `tars:"3,opt,100000"`
	I64   int64             `tars:"4,opt,5000000000"`
	F32   float32           `tars:"5,opt,1.5"`
	F64   float64           `tars:"6,opt,2.25"`
	Text  string            `tars:"7,opt,dflt"`
	U8    uint8             `tars:"8,opt,200"`
	U16   uint16            `tars:"9,opt,60000"`
	U32   uint32            `tars:"10,opt,4000000000"`
	Color Color             `tars:"11,opt,5"`
	Ints  []int32           `tars:"12,opt"`
	Words map[string]string `tars:"13,opt"`
}

// Leaf is a key of maps.
type Leaf struct {
	ID    int32  `tars:"0"`
	Label string `tars:"1,opt"`
}

// All has every kind of type.
type All struct {
	Prims   Prims              `tars:"0"`
	Dflts   Defaults           `tars:"1"`
	Raw     []int8             `tars:"2"`
	Ints    []int32            `tars:"3"`
	Texts   []string           `tars:"4"`
	Leaves  []Leaf             `tars:"5"`
	Grid    [][]int32          `tars:"6"`
	Words   map[string]string  `tars:"7"`
	ByID    map[int32]Leaf     `tars:"8"`
	Lists   map[string][]int64 `tars:"9"`
	Counts  map[Leaf]int32     `tars:"10"`
	Extra   Leaf               `tars:"14,opt"`
	Fifteen string             `tars:"15,opt"`
	Last    float64            `tars:"200"`
}

// values gives the members in the order of their tags, pointers where they are.
func (p *Prims) values() []interface{} {
	return []interface{}{p.Yes, p.I8, p.I16, p.I32, p.I64, p.F32, p.F64, p.Text, p.U8, p.U16,
		p.U32, p.Color}
}

func (p *Prims) pointers() []interface{} {
	return []interface{}{&p.Yes, &p.I8, &p.I16, &p.I32, &p.I64, &p.F32, &p.F64, &p.Text, &p.U8,
		&p.U16, &p.U32, &p.Color}
}

// Echo is the proxy of a client, and the dispatcher of a server.
type Echo struct {
	servant model.Servant
}

// SetServant is called by the communicator.
func (e *Echo) SetServant(s model.Servant) {
	e.servant = s
	s.TarsSetTimeout(20000)
}

// invoke calls a function; the reader begins with the result.
func (e *Echo) invoke(how int8, name string, sent map[string]string, args ...interface{}) (
	*codec.Reader, map[string]string, error) {
	return e.invokeIn(context.Background(), how, name, sent, args...)
}

func (e *Echo) invokeIn(ctx context.Context, how int8, name string, sent map[string]string,
	args ...interface{}) (*codec.Reader, map[string]string, error) {
	b, resp := codec.NewBuffer(), new(requestf.ResponsePacket)
	err := put(b, 1, args...)
	if err == nil {
		err = e.servant.TarsInvoke(ctx, byte(how), name, b.ToBytes(), nil, sent,
			resp)
	}
	return codec.NewReader(tools.Int8ToByte(resp.SBuffer)), resp.Context, err
}

func (e *Echo) call(name string, args ...interface{}) (*codec.Reader, error) {
	r, _, err := e.invoke(basef.TARSNORMAL, name, nil, args...)
	return r, err
}

// EchoAll and all that follow are the functions of the interface.
func (e *Echo) EchoAll(given All) (back All, err error) {
	r, err := e.call("echoAll", given)
	if err == nil {
		err = get(r, 2, &back)
	}
	return back, err
}

func (e *Echo) EchoPrims(given Prims) (back Prims, err error) {
	r, err := e.call("echoPrims", given.values()...)
	if err == nil {
		err = get(r, 13, back.pointers()...)
	}
	return back, err
}

func (e *Echo) Add(a, b int32) (sum int32, err error) {
	r, err := e.call("add", a, b)
	if err == nil {
		err = get(r, 3, &sum)
	}
	return sum, err
}

func (e *Echo) Big(text string) (same string, err error) {
	r, err := e.call("big", text)
	if err == nil {
		err = get(r, 0, &same)
	}
	return same, err
}

func (e *Echo) Fail(code int32) error {
	_, err := e.call("fail", code)
	return err
}

func (e *Echo) Context(sent map[string]string) (seen, reply map[string]string, err error) {
	r, reply, err := e.invoke(basef.TARSNORMAL, "context", sent)
	if err == nil {
		err = get(r, 1, &seen)
	}
	return seen, reply, err
}

// Where gives the reply's context of a call whose hash is in ctx.
func (e *Echo) Where(ctx context.Context) (map[string]string, error) {
	_, reply, err := e.invokeIn(ctx, basef.TARSNORMAL, "context", nil)
	return reply, err
}

func (e *Echo) Note(what string) error {
	_, _, err := e.invoke(basef.TARSONEWAY, "note", nil, what)
	return err
}

func (e *Echo) Noted(what string) (n int32, err error) {
	r, err := e.call("noted", what)
	if err == nil {
		err = get(r, 0, &n)
	}
	return n, err
}

// Bare calls a function that the IDL does not have.
func (e *Echo) Bare(name string) error {
	_, err := e.call(name)
	return err
}

// Servant is what a server implements.
type Servant interface {
	EchoAll(given All) (All, error)
	EchoPrims(given Prims) (Prims, error)
	Add(a, b int32) (int32, error)
	Big(text string) (string, error)
	Fail(code int32) error
	Context(ctx context.Context) (map[string]string, error)
	Note(what string) error
	Noted(what string) (int32, error)
}

// Dispatch is called by the SDK for each request.
func (e *Echo) Dispatch(ctx context.Context, imp interface{}, req *requestf.RequestPacket,
	resp *requestf.ResponsePacket, withContext bool) error {
	b := codec.NewBuffer()
	r := codec.NewReader(tools.Int8ToByte(req.SBuffer))
	if err := serve(ctx, imp.(Servant), req.SFuncName, r, b); err != nil {
		return err
	}
	reply, _ := current.GetResponseContext(ctx)
	*resp = requestf.ResponsePacket{
		IVersion: req.IVersion, IRequestId: req.IRequestId,
		SBuffer: tools.ByteToInt8(b.ToBytes()), Context: reply,
	}
	return nil
}

func serve(ctx context.Context, s Servant, name string, r *codec.Reader, b *codec.Buffer) error {
	var text string
	switch name {
	case "echoAll":
		var given All
		err := get(r, 1, &given)
		if err == nil {
			given, err = s.EchoAll(given)
		}
		return first(err, put(b, 0, int32(0)), put(b, 2, given))
	case "echoPrims":
		var given Prims
		err := get(r, 1, given.pointers()...)
		if err == nil {
			given, err = s.EchoPrims(given)
		}
		return first(err, put(b, 0, int32(0)), put(b, 13, given.values()...))
	case "add":
		var x, y, sum int32
		err := get(r, 1, &x, &y)
		if err == nil {
			sum, err = s.Add(x, y)
		}
		return first(err, put(b, 0, int32(0)), put(b, 3, sum))
	case "big":
		err := get(r, 1, &text)
		if err == nil {
			text, err = s.Big(text)
		}
		return first(err, put(b, 0, text))
	case "fail":
		var code int32
		if err := get(r, 1, &code); err != nil {
			return err
		}
		return s.Fail(code)
	case "context":
		seen, err := s.Context(ctx)
		return first(err, put(b, 0, int32(0)), put(b, 1, seen))
	case "note":
		if err := get(r, 1, &text); err != nil {
			return err
		}
		return s.Note(text)
	case "noted":
		var n int32
		err := get(r, 1, &text)
		if err == nil {
			n, err = s.Noted(text)
		}
		return first(err, put(b, 0, n))
	}
	return errors.New("func mismatch") // as generated code says it, which gives code 1
}
